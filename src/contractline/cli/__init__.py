"""The command line. To add a command: a module beside this with a ``command``, and its line and group.

A command's module is imported only when the command runs, so that the start stays quick. Exit
codes: 0 fine, 1 findings or drift, 2 could not tell, 130 interrupted.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import click

from contractline.avro.depth import MAX_DEPTH, room_for_depth
from contractline.errors import ContractlineError
from contractline.project import Project

COMMANDS = {
    "setup": "bring everything that the local stack needs, without starting it",
    "up": "start the local stack",
    "down": "stop the local stack",
    "status": "show how each service is, and whether each stream flows",
    "doctor": "say what is wrong, since when, and what to do",
    "logs": "show a service's log",
    "restart": "stop a service, or all, and start again",
    "reset": "stop the local stack and remove its data",
    "env": "print the variables by which clients find the services",
    "check": "hold the contracts, or the reports, against the rules",
    "ask": "ask a question of reports/ and print the answer",
    "explain": "tell which records and messages a number is made of",
    "rules": "list the rules, and explain one",
    "new": "make a whole stream from a table, a sample or a schema",
    "evolve": "let a stream follow its table after an ALTER TABLE",
    "prove": "try every version's records on the real engine",
    "catalog": "describe every stream on one page",
    "diff": "show what changed in a contract, or between two commits",
    "compat": "tell whether one schema may follow another, without a contract",
    "retire": "take a stream out of the systems and the checkout",
    "release": "turn a changed working schema into the next version",
    "plan": "show what the systems differ in from their declared state",
    "apply": "bring the systems to their declared state",
    "verify": "compare rows in ClickHouse with PostgreSQL or the topic",
    "quality": "hold rows against the quality rules of the contracts",
    "resnapshot": "read the rows of captured tables again, while their changes flow",
    "generate": "write what follows from the contracts into committed files",
    "dump": "write what a running registry or Metabase holds as files",
    "registry": "back the schema registry up and restore it, ids included",
    "produce": "send records that are written as JSON",
    "dlq": "list, show, replay and dismiss messages that could not be read",
    "tail": "show a stream's newest messages, decoded",
    "replay": "put messages that could not be read into their streams again",
    "rebuild": "load everything that a stream's topic holds into its tables again",
    "people": "find the people behind commits, and say whose an identity is",
    "dashboard": "show the dashboards of reports/ in a browser, live",
    "mcp": "let an assistant read reports and contracts",
    "demo": "run the whole pipeline once on real input, and show what arrived",
    "watch": "keep the pipeline in its declared state until told to stop",
}
"""The commands: a name, which is also the name of its module, and what it does in one line."""

GROUPS = {
    "Start and stop": ("setup", "up", "demo", "status", "logs", "restart", "env", "down", "reset"),
    "Change": (
        "new",
        "evolve",
        "retire",
        "check",
        "rules",
        "diff",
        "compat",
        "prove",
        "release",
        "generate",
        "dump",
    ),
    "Run": ("plan", "apply", "produce", "watch"),
    "Look": (
        "ask",
        "explain",
        "verify",
        "quality",
        "people",
        "dashboard",
        "mcp",
        "tail",
        "catalog",
    ),
    "Mend": ("doctor", "dlq", "replay", "rebuild", "resnapshot", "registry"),
}
"""The order in which `--help` shows the commands, by what somebody wants to do."""

INTERRUPTED = 130
_OBJECTS_BETWEEN_COLLECTIONS = 10_000


class PackageMissing(ContractlineError):
    """When a command needs a package that is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"the package {package} is not installed",
            hint="pip install 'contractline[stack,producer,mcp]'",
        )


class TooDeep(ContractlineError):
    """When something that was read nests deeper than Python can follow."""

    def __init__(self) -> None:
        super().__init__(
            "something that was read is nested too deep",
            hint=f"a schema may be {MAX_DEPTH:,} levels deep; `contractline --debug …` shows where",
        )


class SystemRefused(ContractlineError):
    """When the operating system does not let a command read or write something."""

    def __init__(self, problem: OSError) -> None:
        place = f"{problem.filename}: " if problem.filename else ""
        is_full = problem.errno in {errno.ENOSPC, errno.EDQUOT}
        room = "make room there; TMPDIR names another folder for temporary files"
        super().__init__(
            f"{place}{problem.strerror or problem}",
            hint=room if is_full else "`contractline --debug …` shows what for",
        )


class Unexpected(ContractlineError):
    """When something happened that no code foresaw: a mistake of contractline itself."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(
            f"unexpected {type(problem).__name__}: {problem}",
            hint="please report it, with what `contractline --debug …` prints",
        )


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the options before the command say."""

    folder: Path
    debug: bool

    @property
    def project(self) -> Project:
        """The checkout that the command is about."""
        return Project.find(self.folder)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), COMMANDS[name]) for name in names])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--project",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    metavar="DIR",
    help="The checkout, or a folder in it (default: here).",
)
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.version_option(package_name="contractline")
@click.pass_context
def cli(context: click.Context, folder: Path, debug: bool) -> None:
    """A contract-governed streaming pipeline, from source to reader."""
    context.obj = Invocation(folder, debug)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files, and the signs of a page, may be such that the terminal's encoding lacks.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    # What a command makes mostly lives to its end: looking through it less often for what does not
    # saves a check of hundreds of contracts a tenth of its time.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    arguments = sys.argv[1:] if arguments is None else arguments
    code = run(arguments)
    sys.exit(code if _is_written() else 2)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    try:
        with room_for_depth():
            code = cli.main(list(arguments), prog_name="contractline", standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except ContractlineError as problem:
        _show(problem, debug="--debug" in arguments)
        return problem.exit_code
    except Exception as problem:
        unforeseen = _in_words(problem)
        unforeseen.__cause__ = problem
        _show(unforeseen, debug="--debug" in arguments)
        return 2
    return code if isinstance(code, int) else 0


def _is_written() -> bool:
    """Write what is left of the output; return False, and give it up, where that is not possible."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        # The interpreter would try once more at its end, and complain in its own words.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _in_words(problem: Exception) -> ContractlineError:
    if isinstance(problem, OSError):
        return SystemRefused(problem)
    if isinstance(problem, ModuleNotFoundError) and problem.name:
        package = problem.name.partition(".")[0]
        if package != "contractline":
            return PackageMissing(package)
    return TooDeep() if isinstance(problem, RecursionError) else Unexpected(problem)


def _show(problem: ContractlineError, *, debug: bool) -> None:
    if debug:
        traceback.print_exception(problem)
    click.echo(f"error: {problem}", err=True)
    if problem.hint:
        click.echo(f"hint: {problem.hint}", err=True)
