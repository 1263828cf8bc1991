"""infoplane replicate: verdicts in a terminal, pictures in a folder, and which claims."""

import pytest
from typer.testing import CliRunner

from infoplane import cli
from infoplane.errors import InputError, UnknownNameError


def test_the_command_prints_verdicts_and_leaves_pictures(tmp_path):
    result = CliRunner().invoke(
        cli.app,
        ["replicate", "linear", "--seeds", "2", "--out", str(tmp_path), "--workers", "1"],
        env={"COLUMNS": "200"},
    )
    assert result.exit_code == 0, result.output
    assert "largest loss of information" in result.output
    assert "holds" in result.output
    assert (tmp_path / "linear.png").stat().st_size > 10_000


@pytest.mark.parametrize("arguments", [[], ["linear", "--all"]])
def test_names_or_all(arguments):
    result = CliRunner().invoke(cli.app, ["replicate", *arguments])
    assert isinstance(result.exception, InputError)
    assert "linear" in str(result.exception)


def test_an_unknown_claim_and_no_quick_version():
    result = CliRunner().invoke(cli.app, ["replicate", "liner"])
    assert isinstance(result.exception, UnknownNameError)
    assert "did you mean 'linear'" in str(result.exception)
