"""``infoplane.report``: one file for one run or several, with every flag in words."""

import html
import re
import sys

import pytest

import infoplane as ip
from infoplane.errors import InputError
from infoplane.flags import FLAGS

pytestmark = pytest.mark.extra
pytest.importorskip("plotly")

ROW = {"step": 0, "layer": "fc1", "i_xt": 1.0, "i_ty": 0.5, "units": "bits"}


def test_the_room_can_be_called_and_says_where_the_file_is(tmp_path):
    path = ip.report(ip.Trajectory([ROW]), tmp_path / "report.html", title="A title", command="infoplane report here")
    page = path.read_text(encoding="utf-8")
    assert path == tmp_path / "report.html"
    assert "<title>A title</title>" in page
    assert "<pre>infoplane report here</pre>" in page


def test_every_flag_has_its_words_in_the_table_of_warnings(tmp_path):
    trajectory = ip.Trajectory([ROW | {"layer": name, "flags": (name,)} for name in FLAGS])
    page = ip.report(trajectory, tmp_path / "report.html").read_text(encoding="utf-8")
    body = page.partition('<h2 id="warnings-title">')[2].partition("</section>")[0]
    cells = [html.unescape(cell) for cell in re.findall("<td><bdi>(.*?)</bdi></td>", body, re.DOTALL)]
    assert dict(zip(cells[2::5], cells[4::5], strict=True)) == {
        name: flag.words for name, flag in FLAGS.items() if name != "green"
    }


def test_without_plotly_nothing_is_written_and_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(InputError, match=r"pip install infoplane\[interactive\]"):
        ip.report(ip.Trajectory([ROW]), tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
