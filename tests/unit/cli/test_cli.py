"""The command line as such: commands, exit codes, how errors are shown."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest

from contractline import cli
from contractline.errors import SettingInvalid


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_exists_and_explains_itself(name: str):
    command = importlib.import_module(f"contractline.cli.{name}").command

    assert isinstance(command, click.Command)
    assert command.help


def test_every_module_is_a_command_and_every_command_a_module():
    folder = Path(cli.__file__).parent
    modules = {file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")}

    assert modules == set(cli.COMMANDS)


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]):
    assert cli.run(["--help"]) == 0

    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)


@pytest.mark.parametrize("arguments", [["unheard"], ["up", "--unheard"], ["--project", "/none"]])
def test_a_usage_error_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert cli.run(arguments) == 2
    assert "Error: " in capsys.readouterr().err


def test_outside_of_a_checkout_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["--project", str(tmp_path), "status"]) == 2

    shown = capsys.readouterr().err
    assert shown.startswith("error: no contractline project at or above ")
    assert "hint: " in shown
    assert "Traceback" not in shown


def raising(problem: BaseException):
    @click.command()
    def command() -> None:
        raise problem

    return command


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (SettingInvalid("NAME", "is odd", hint="make it even"), 2, "error: NAME: is odd\nhint: ma"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ModuleNotFoundError("", name="psutil.sub"), 2, "the package psutil is not in"),
        (KeyError("one"), 2, "error: unexpected KeyError: 'one'"),
        (PermissionError(13, "Permission denied", "/x"), 2, "error: /x: Permission denied\nhint: "),
        (OSError(28, "No space left on device"), 2, "error: No space left on device\nhint: make "),
    ],
)
def test_what_a_problem_becomes(
    problem: BaseException,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(cli.cli, "get_command", lambda context, name: raising(problem))

    assert cli.run(["status"]) == code
    assert words in capsys.readouterr().err


def test_debug_shows_where_an_error_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    problem = SettingInvalid("NAME", "is odd")
    monkeypatch.setattr(cli.cli, "get_command", lambda context, name: raising(problem))

    assert cli.run(["--debug", "status"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_every_group_of_the_help_holds_commands_and_none_stands_twice():
    grouped = [name for names in cli.GROUPS.values() for name in names]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == set(cli.COMMANDS)
