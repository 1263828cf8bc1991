"""The transformer sees nothing of what comes later; the text is the standard library's own."""

import sysconfig
from pathlib import Path

import pytest
import torch

from infoplane.errors import InputError
from infoplane.replications.transformer import CHARACTERS, CONTEXT, Transformer, text


def test_the_size_that_is_said():
    assert sum(parameter.numel() for parameter in Transformer().parameters()) == 216_544


def test_what_comes_later_is_not_seen():
    torch.manual_seed(0)
    model, characters = Transformer(), torch.randint(CHARACTERS, (2, CONTEXT))
    changed = characters.clone()
    changed[:, 40:] = (changed[:, 40:] + 1) % CHARACTERS
    before, after = model(characters), model(changed)
    assert before.shape == (2, CONTEXT, CHARACTERS)
    torch.testing.assert_close(before[:, :40], after[:, :40])
    assert (before[:, 40:] - after[:, 40:]).abs().max() > 0.01


def test_the_text_can_be_read_back():
    first = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[0].read_text(encoding="ascii", errors="ignore")
    marks = text(500)
    read = "".join("\n" if mark == CHARACTERS - 1 else chr(mark + 32) for mark in marks.tolist())
    assert read.startswith(first[:200].replace("\t", "").replace("\r", ""))
    assert marks.shape == (500,)


def test_a_python_without_source(monkeypatch, tmp_path):
    (tmp_path / "only.py").write_text("x = 1\n")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(InputError, match="6 characters of source and 7 are needed"):
        text(7)
