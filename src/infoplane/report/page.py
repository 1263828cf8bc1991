"""Runs -> the text of the page: everything inside, nothing trusted that a run names."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from infoplane import __version__
from infoplane.columns import KINDS, NUMBERS
from infoplane.errors import InputError
from infoplane.flags import FLAGS, in_doubt
from infoplane.io.files import clean, json_bytes
from infoplane.io.tables import csv_bytes
from infoplane.plotting.style import THEMES, step_colours
from infoplane.report.facts import facts_for_plane, phases_of, summary, tables, units_of, warnings
from infoplane.report.gather import Run

#: The scripts of every page that shows a plane, in the order in which they are needed.
PLANE_SCRIPTS = ("store.js", "draw.js", "view.js")
#: The rules that plotly's own style sheet holds as far as these pages need them; plotly adds to this sheet.
PLOTLY_SHEET = ".js-plotly-plot .plotly { direction: ltr; font-family: inherit; }"

STATIC = Path(__file__).parent / "static"
_CONTROL = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}


def page(runs: list[Run], *, title: str | None, command: str) -> str:
    """The whole HTML file."""
    script = scripts("report.js")
    css = static("page.css")
    plotly = plotly_source()
    shown = [_shown(run) for run in runs]
    held = {
        "runs": [{"name": run.name, "facts": facts_for_plane(run.trajectory.meta, units_of(run))} for run in runs],
        "numbers": NUMBERS,
        "texts": sorted(name for name, kind in KINDS.items() if kind in ("text", "flags")),
        "colours": colours(),
        "flags": flags_in_words(),
    }
    return (
        environment()
        .get_template("report.html")
        .render(
            title=clean(title or f"Information plane of {', '.join(run.name for run in runs)}"),
            policy=policy(scripts=(script, plotly), styles=(css, PLOTLY_SHEET)),
            css=css,
            plotly_css=PLOTLY_SHEET,
            plotly_marks=plotly_marks(plotly),
            runs=shown,
            phases=[phases_of(run) for run in runs],
            warnings=[row for run in runs for row in warnings(run)],
            command=clean(command),
            version=__version__,
            page=inert_json(held),
            plotly=_packed(plotly.encode()),
            script=script,
        )
    )


def _shown(run: Run) -> dict[str, Any]:
    """What the template says of one run."""
    scalars = run.trajectory.scalars
    return {
        "name": clean(run.name),
        "file": re.sub(r"[^A-Za-z0-9._-]+", "-", run.name).strip(".-") or "run",
        "summary": summary(run),
        "command": clean(run.record.get("command") or ""),
        "facts_shown": tables(run),
        "rows": _packed(csv_bytes(run.trajectory.to_columns())),
        "scalars": _packed(csv_bytes(scalars.to_columns())) if len(scalars) else "",
    }


def policy(*, scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """The content security policy of a page that holds these scripts and style sheets and may load nothing."""
    allowed = {"script-src": scripts, "style-src": styles}
    parts = ["default-src 'none'", "base-uri 'none'", "form-action 'none'"]
    parts += [f"{name} {' '.join(map(_hash_source, texts))}" for name, texts in allowed.items()]
    return "; ".join(parts)


def _hash_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def inert_json(value: Any) -> str:
    """JSON that no HTML parser takes for markup."""
    text = json.dumps(json.loads(json_bytes(value)), ensure_ascii=False, separators=(",", ":"))
    return text.translate(_CONTROL)


def static(name: str) -> str:
    """A file of the page, as it lies in the package."""
    return (STATIC / name).read_text(encoding="utf-8")


def scripts(last: str) -> str:
    """The scripts of the plane and the one that starts the page, as one."""
    return "\n".join(static(name) for name in (*PLANE_SCRIPTS, last))


def plotly_source() -> str:
    """plotly.js, from the installed package plotly.

    Raises:
        InputError: it is not installed.
    """
    try:
        import plotly
    except ImportError as error:
        raise InputError("the page draws with the package plotly: pip install infoplane[interactive]") from error
    return (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def plotly_marks(source: str) -> list[str]:
    """The ids that keep parts of plotly.js (its maps) from adding style sheets that the policy would refuse."""
    return sorted(set(re.findall(r'getElementById\("([0-9a-f]{64})"\)', source)))


def colours() -> dict[str, Any]:
    """Of both themes: the colours of the layers, and 16 steps of the colour map of the steps."""
    from matplotlib.colors import to_hex

    themes: dict[str, Any] = {}
    for name, theme in THEMES.items():
        steps = [to_hex(step_colours(theme)(at / 15)) for at in range(16)]
        themes[name] = {"layers": list(theme.layers), "steps": steps}
    return themes


def flags_in_words() -> dict[str, Any]:
    """What the page's script has to know of flags: which of them put a number in doubt, and what each says."""
    return {
        "doubted": [name for name in FLAGS if in_doubt([name])],
        "words": {name: flag.words for name, flag in FLAGS.items()},
    }


def environment(*more: Path) -> Any:
    """The templates in this room and in the folders ``more``, which escape whatever they are given."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(autoescape=True, loader=FileSystemLoader([STATIC, *more]), undefined=StrictUndefined)
