"""The command without a command: its version, its help, and what it does not know."""

import re
import typing

from typer.models import OptionInfo
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


def test_help_shows_every_text_as_it_was_written():
    """Square brackets are marks for whoever draws the help, and have to be escaped."""
    for command in cli.app.registered_commands:
        name = command.name or command.callback.__name__
        shown = re.sub(r"[\s│]+", "", CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "200"}).output)
        for given in get_annotated_texts(command.callback):
            assert re.sub(r"\s+", "", given.replace("\\[", "[")) in shown, (name, given)


def get_annotated_texts(function):
    """Of the options: the oldest typer, beside the newest click, shows no text of an argument."""
    for hint in typing.get_type_hints(function, include_extras=True).values():
        for info in getattr(hint, "__metadata__", ()):
            if isinstance(info, OptionInfo) and info.help and not info.hidden:
                yield info.help
