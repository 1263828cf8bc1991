"""The file: what it holds, that nothing in it is trusted, and that it loads nothing."""

import base64
import gzip
import hashlib
import html
import json
import re
import sys
from html.parser import HTMLParser

import pytest

import infoplane as ip
from infoplane.report.page import inert_json, policy
from infoplane.runs import RunDirectory

pytestmark = pytest.mark.extra
pytest.importorskip("plotly")

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "\"quotes' & $x_1$ %{x}",
    "שלום עולם",
    "🧠",
    "=cmd()",
]


def trajectory():
    rows = [
        {"step": step, "layer": layer, "layer_index": number, "i_xt": 3.0 - step / 3, "i_ty": step / 7, "units": "bits",
         "flags": ("<b>flag</b>",)}
        for step in (0, 1, 2) for number, layer in enumerate(HOSTILE)
    ]  # fmt: skip
    made = ip.Trajectory(rows, meta={"h_y": 1.0, "title": "</title><script>alert(3)</script>"})
    made.scalars.add(1, "<i>loss</i>", 0.25, split="train")
    return made


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the texts of its scripts by id."""

    def __init__(self, page):
        super().__init__()
        self.found, self.scripts, self._open = [], {}, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._open = dict(attrs).get("id", "") if tag in ("script", "style") else None

    def handle_data(self, data):
        if self._open is not None:
            self.scripts[self._open] = self.scripts.get(self._open, "") + data

    def handle_endtag(self, tag):
        self._open = None


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = ip.report(trajectory(), tmp_path_factory.mktemp("report") / "report.html")
    return path.read_text(encoding="utf-8")


def test_names_are_text_and_nothing_else(page):
    elements = Elements(page)
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"img", "b", "i"}
    assert [attrs for tag, attrs in elements.found if tag == "script" and "type" not in attrs] == [{}]
    assert not [name for _, attrs in elements.found for name in attrs if name.startswith("on")]
    for layer in HOSTILE:
        assert html.escape(layer).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in page
    held = json.loads(elements.scripts["page"])
    assert held["runs"][0]["name"] == "</title><script>alert(3)</script>"


def test_nothing_is_loaded_and_only_these_scripts_run(page):
    elements = Elements(page)
    said = next(attrs["content"] for tag, attrs in elements.found if attrs.get("http-equiv"))
    assert said.startswith("default-src 'none';")
    assert "unsafe" not in said
    assert not [attrs for _, attrs in elements.found if {"src", "href"} & set(attrs)]
    plotly = gzip.decompress(base64.b64decode(elements.scripts["plotly"]))
    own = re.search(r"<script>(.*)</script>", page, flags=re.DOTALL)[1]
    for script in (own.encode(), plotly):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" in said


def test_all_rows_are_inside_guarded_against_spreadsheets(page, tmp_path):
    elements = Elements(page)
    csv = gzip.decompress(base64.b64decode(elements.scripts["rows-0"])).decode()
    assert "'=cmd()" in csv
    (tmp_path / "rows.csv").write_text(csv, encoding="utf-8")
    assert list(ip.Trajectory.load(tmp_path / "rows.csv")) == list(trajectory())
    assert "<i>loss</i>" in gzip.decompress(base64.b64decode(elements.scripts["scalars-0"])).decode()


def test_settings_versions_and_commands_are_said(tmp_path):
    run = RunDirectory.create(tmp_path / "run", settings={"learning_rate": 0.125}, data_checksum="f" * 64, seed=17)
    run.write_trajectory(trajectory())
    run.finish("finished")
    run.close()
    path = ip.report([tmp_path / "run"], tmp_path / "report.html", title="A <b>title</b>", command="infoplane report &")
    text = path.read_text(encoding="utf-8")
    for said in ("learning_rate", "0.125", "f" * 64, "torch", "infoplane report &amp;", "A &lt;b&gt;title&lt;/b&gt;"):
        assert said in text
    assert "Phases" in text
    assert "&lt;b&gt;flag&lt;/b&gt;" in text


def test_the_same_runs_give_the_same_bytes(tmp_path):
    one, two = (ip.report(trajectory(), tmp_path / name, command="c").read_bytes() for name in ("1.html", "2.html"))
    assert one == two


def test_a_thousand_steps_of_six_layers_and_five_copies_fit_six_megabytes(tmp_path):
    import numpy as np

    values = np.random.default_rng(0).random((1000, 6, 5, 6)).tolist()  # random digits: nothing to compress
    names = ("i_xt", "i_xt_low", "i_xt_high", "i_ty", "i_ty_low", "i_ty_high")
    rows = [
        {"step": step, "layer": f"layer {layer}", "layer_index": layer, "copy": copy, "family": "single", "n": 4096,
         "estimator": "binned", "units": "bits", "flags": ("red",), **dict(zip(names, numbers, strict=True))}
        for step, layers in enumerate(values) for layer, copies in enumerate(layers)
        for copy, numbers in enumerate(copies)
    ]  # fmt: skip
    assert ip.report(ip.Trajectory(rows), tmp_path / "report.html").stat().st_size < 6e6


def test_json_is_inert_and_whole():
    value = {"name": "</script><!--&\u2028", "number": float("nan")}
    text = inert_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": "</script><!--&\u2028", "number": None}


def test_the_policy_hashes_what_it_allows():
    empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # of no byte, by any implementation of SHA-256
    assert f"script-src 'sha256-{empty}'" in policy(scripts=("",), styles=("",))


def test_without_plotly_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(ip.errors.InputError, match=r"pip install infoplane\[interactive\]"):
        ip.report(trajectory(), tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
