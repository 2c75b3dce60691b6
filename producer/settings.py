"""What the command line says: which source with which options, and where things go."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from contractline.errors import SettingInvalid
from contractline.project import Project
from contractline.settings import Endpoints
from producer.git.refs import Choice
from producer.sources.base import Say, Source
from producer.sources.git import GitSettings, GitSource

MakeSource = Callable[[Say], Source]

CHECKOUT = Path(__file__).resolve().parents[1]

DEFAULT_COUNT = 1000
DEFAULT_FOLLOW_RATE = 10.0
DEFAULT_START = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """A run's settings.

    Attributes:
        project: the checkout whose contracts hold.
        endpoints: where the services are.
        source_name: what is read.
        make_source: makes the source; it says what happens through its argument.
        as_json: whether the account is printed as JSON.
        dead_letters: the file that keeps refused records.
    """

    project: Project
    endpoints: Endpoints
    source_name: str
    make_source: MakeSource
    as_json: bool
    dead_letters: Path


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of source on the command line."""

    summary: str
    add_options: Callable[[argparse.ArgumentParser], None]
    make: Callable[[argparse.Namespace, Project], MakeSource]


def load_settings(arguments: Sequence[str]) -> Settings:
    """Read the command line and the endpoints.

    Raises:
        SettingInvalid: a value can't be used.
        ProjectNotFound: the checkout is none.
        SystemExit: the command line is wrong, or asks for help.
    """
    options = _parse(arguments)
    project = Project.find(options.project)
    letters = project.state / "dead-letters" / "commits.jsonl"
    return Settings(
        project=project,
        endpoints=Endpoints.load(project),
        source_name=options.source,
        make_source=_KINDS[options.source].make(options, project),
        as_json=options.json,
        dead_letters=options.dead_letters or letters,
    )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse twice, so that each source has options of its own and knows no others."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--source")
    source = first.parse_known_args(arguments)[0].source
    parser = _parser()
    if source in _KINDS:
        _KINDS[source].add_options(parser)
    return parser.parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    sources = "; ".join(f"{name}: {kind.summary}" for name, kind in _KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m producer",
        description="Send commits to Kafka under the contract `commits`. "
        "`--source NAME --help` shows the options of a source.",
        epilog="Exit codes: 0 all acknowledged, 1 something broke the contract, 2 could not. "
        "KAFKA_BOOTSTRAP_SERVERS and SCHEMA_REGISTRY_URL say where to; "
        "without them, the local stack of this checkout. Guide: docs/guides/producer.md",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--source", choices=sorted(_KINDS), required=True, help=f"what to read ({sources})"
    )
    parser.add_argument("--json", action="store_true", help="print the account as JSON")
    parser.add_argument(
        "--dead-letters",
        type=Path,
        metavar="FILE",
        help="where refused records are kept (.contractline/dead-letters/commits.jsonl)",
    )
    parser.add_argument(
        "--project", type=Path, default=CHECKOUT, metavar="FOLDER", help=argparse.SUPPRESS
    )
    return parser


def _fake_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("generated commits")
    group.add_argument(
        "--seed", type=int, default=1, help="the same seed gives the same commits (%(default)s)"
    )
    group.add_argument(
        "--count",
        type=_whole,
        help=f"how many ({DEFAULT_COUNT}; with --follow without end)",
    )
    group.add_argument(
        "--rate",
        type=_positive,
        help=f"commits a second (as fast as possible; with --follow {DEFAULT_FOLLOW_RATE:g})",
    )
    group.add_argument("--follow", action="store_true", help="go on until stopped")
    group.add_argument(
        "--repositories", type=_whole, default=5, metavar="N", help="how many (%(default)s)"
    )
    group.add_argument(
        "--start",
        type=_day,
        default=DEFAULT_START,
        metavar="DATE",
        help=f"the day of the first commits ({DEFAULT_START:%Y-%m-%d})",
    )


def _fake(options: argparse.Namespace, project: Project) -> MakeSource:
    try:
        from producer.sources.fake import USERS_FILE, FakeSettings, FakeSource
    except ImportError as problem:
        raise SettingInvalid(
            "--source fake", f"{problem}", hint="install the extra: pip install -e '.[producer]'"
        ) from problem
    settings = FakeSettings(
        users=project.postgres_sql / USERS_FILE,
        start=options.start,
        seed=options.seed,
        repositories=options.repositories,
        count=options.count or (None if options.follow else DEFAULT_COUNT),
        rate=options.rate or (DEFAULT_FOLLOW_RATE if options.follow else None),
    )
    return lambda _: FakeSource(settings)


def _git_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a git repository")
    group.add_argument(
        "--repository",
        required=True,
        metavar="PATH-or-URL",
        help="a clone (bare or not), or a URL that git can reach; a URL is kept as a bare clone",
    )
    group.add_argument(
        "--name", metavar="OWNER/NAME", help="its canonical name (from the URL or the remote)"
    )
    refs = group.add_mutually_exclusive_group()
    refs.add_argument("--all", action="store_true", help="read every ref")
    refs.add_argument(
        "--ref",
        action="append",
        default=[],
        help="read this branch, tag or commit; can be given several times (what HEAD names)",
    )
    group.add_argument(
        "--workers",
        type=_whole,
        default=2,
        metavar="N",
        help="git processes that count lines side by side (%(default)s)",
    )
    group.add_argument("--follow", action="store_true", help="go on with what is new until stopped")
    group.add_argument(
        "--poll-interval",
        type=_positive,
        metavar="SECONDS",
        help="how often to look for something new (1 for a path, 30 for a URL)",
    )
    group.add_argument(
        "--again", action="store_true", help="read everything again, whatever was read before"
    )


def _git(options: argparse.Namespace, project: Project) -> MakeSource:
    settings = GitSettings(
        repository=options.repository,
        clones=project.state / "clones",
        name=options.name,
        choice=Choice(tuple(options.ref), options.all),
        workers=options.workers,
        follow=options.follow,
        poll_seconds=options.poll_interval,
        again=options.again,
    )
    return lambda say: GitSource(settings, say)


_KINDS = {
    "fake": _Kind("generated commits", _fake_options, _fake),
    "git": _Kind("the history of a repository", _git_options, _git),
}


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return value


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text} is no day such as 2026-01-05") from problem
