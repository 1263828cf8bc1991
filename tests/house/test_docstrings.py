"""The examples in docstrings run, and every public name has a docstring that says what it needs to."""

import doctest
import importlib
import inspect
import re
import types
from pathlib import Path

import pytest

import infoplane as ip

SOURCE = Path(ip.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
#: What the examples of some modules need beside the core.
NEEDS = {
    "infoplane.integrations.metrics": ["torchmetrics"],
    "infoplane.report": ["plotly", "jinja2"],
    "infoplane.serve.live": ["fastapi", "uvicorn", "plotly", "jinja2"],
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.extra] if name in NEEDS else []) for name in MODULES]
)
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    for package in NEEDS.get(name, []):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert tried
    assert not failed


@pytest.mark.parametrize("name", [name for name in ip.__all__ if name not in ("__version__", "InfoplaneError")])
def test_a_public_name_has_an_example_and_says_what_can_go_wrong(name):
    there = getattr(ip, name)
    text = inspect.getdoc(there) or ""
    assert text
    if not isinstance(there, types.ModuleType):
        assert ">>> " in text
        assert re.search(r"Error|Raises", text) or there is ip.Estimate
