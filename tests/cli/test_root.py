"""The command without a command: its version, its help, and what it does not know."""

from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli


def test_the_version():
    result = CliRunner().invoke(cli.app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"infoplane {ip.__version__}\n")


def test_help_lists_every_command():
    short, long = (CliRunner().invoke(cli.app, [option]) for option in ("-h", "--help"))
    assert short.output == long.output
    commands = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert len(commands) >= 11
    for command in commands:
        assert command in short.output


def test_an_unknown_command_is_a_mistake_of_usage():
    result = CliRunner().invoke(cli.app, ["mesure"])
    assert result.exit_code == 2
    assert "mesure" in result.output
