"""What the command line says: which source with which options, and where things go."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from contractline.errors import SettingInvalid
from contractline.project import Project
from contractline.settings import Endpoints
from producer.github import options as github
from producer.options import day, positive, whole
from producer.refs import ALL, RefChoice
from producer.sources.base import Say, Source
from producer.sources.git import GitSettings, GitSource
from producer.sources.git_many import GitRepositories
from producer.webhook import options as webhook

MakeSource = Callable[[Say], Source]

CHECKOUT = Path(__file__).resolve().parents[1]

DEFAULT_COUNT = 1000
DEFAULT_FOLLOW_RATE = 10.0


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
        plan_only: whether the source only says what it would do.
        is_endless: whether the run goes on until a signal ends it.
    """

    project: Project
    endpoints: Endpoints
    source_name: str
    make_source: MakeSource
    as_json: bool
    dead_letters: Path
    plan_only: bool = False
    is_endless: bool = False


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
        plan_only=getattr(options, "plan", False),
        is_endless=options.source == "webhook" or options.follow,
    )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse twice, so that each source has options of its own and knows no others."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    # Without a value it is left to the second parser, which says so with the usage.
    first.add_argument("--source", nargs="?")
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
        type=whole,
        help=f"how many ({DEFAULT_COUNT}; with --follow without end)",
    )
    group.add_argument(
        "--rate",
        type=positive,
        help=f"commits a second (as fast as possible; with --follow {DEFAULT_FOLLOW_RATE:g})",
    )
    group.add_argument("--follow", action="store_true", help="go on until stopped")
    group.add_argument(
        "--repositories", type=whole, default=5, metavar="N", help="how many (%(default)s)"
    )
    group.add_argument(
        "--start",
        type=day,
        metavar="DATE",
        help="the day of the first commits (otherwise the last ones are given, until now; with"
        " --follow each is dated as it is given)",
    )


def _fake(options: argparse.Namespace, project: Project) -> MakeSource:
    try:
        from producer.sources.fake import USERS_FILE, FakeSettings, FakeSource
    except ImportError as problem:
        raise _lacks_extra("--source fake", problem) from problem
    settings = FakeSettings(
        users=project.postgres_sql / USERS_FILE,
        start=options.start,
        seed=options.seed,
        repositories=options.repositories,
        count=options.count or (None if options.follow else DEFAULT_COUNT),
        rate=options.rate or (DEFAULT_FOLLOW_RATE if options.follow else None),
        live=options.follow,
    )
    return lambda _: FakeSource(settings)


def _git_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a git repository")
    group.add_argument(
        "--repository",
        required=True,
        action="extend",
        nargs="+",
        metavar="PATH-or-URL",
        help="clones (bare or not), or URLs that git can reach; a URL is kept as a bare clone",
    )
    group.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="OWNER/NAME",
        help="the canonical name (from the URL or the remote); with several repositories once for "
        "each, in their order, or not at all",
    )
    refs = group.add_mutually_exclusive_group()
    _branch_option(refs)
    refs.add_argument("--all", action="store_true", help="read every ref, tags included")
    refs.add_argument(
        "--ref",
        action="append",
        default=[],
        help="read this branch, tag or commit; can be given several times (what HEAD names)",
    )
    group.add_argument(
        "--workers",
        type=whole,
        default=2,
        metavar="N",
        help="git processes that count lines side by side (%(default)s)",
    )
    group.add_argument("--follow", action="store_true", help="go on with what is new until stopped")
    group.add_argument(
        "--poll-interval",
        type=positive,
        metavar="SECONDS",
        help="how often to look for something new (0.25 for a path, 30 for a URL)",
    )
    group.add_argument(
        "--again", action="store_true", help="read everything again, whatever was read before"
    )


def _git(options: argparse.Namespace, project: Project) -> MakeSource:
    paths, names = options.repository, options.name or [None] * len(options.repository)
    if len(names) != len(paths):
        raise SettingInvalid("--name", f"{len(names)} names for {len(paths)} repositories")
    if len({name for name in names if name}) < len(options.name):
        raise SettingInvalid("--name", "gives one name to several repositories")
    settings = GitSettings(
        repository=paths[0],
        clones=project.state / "clones",
        name=names[0],
        choice=RefChoice(tuple(options.ref), all=options.all)
        if options.all or options.ref
        else RefChoice.of_branches(options.branch),
        workers=options.workers,
        follow=options.follow,
        poll_seconds=options.poll_interval,
        again=options.again,
    )
    if len(paths) == 1:
        return lambda say: GitSource(settings, say)
    wanted = [replace(settings, repository=p, name=n) for p, n in zip(paths, names, strict=True)]
    return lambda say: GitRepositories(
        [GitSource(one, say) for one in wanted], follow=options.follow, say=say
    )


def _webhook_options(parser: argparse.ArgumentParser) -> None:
    webhook.add_options(parser)
    _branch_option(parser)


def _webhook(options: argparse.Namespace, project: Project) -> MakeSource:
    try:
        from producer.sources.webhook import WebhookSettings, WebhookSource
    except ImportError as problem:
        raise _lacks_extra("--source webhook", problem) from problem
    host, port = options.listen
    settings = WebhookSettings(
        host=host,
        port=port,
        queue=webhook.queue_file(options, project),
        rules=webhook.rules(options, RefChoice.of_branches(options.branch)),
        github=webhook.github(options, project),
    )
    return lambda say: WebhookSource(settings, say)


def _github_options(parser: argparse.ArgumentParser) -> None:
    github.add_options(parser)
    _branch_option(parser)


def _github(options: argparse.Namespace, project: Project) -> MakeSource:
    try:
        from producer.sources.github import GitHubSource
    except ImportError as problem:
        raise _lacks_extra("--source github", problem) from problem
    settings = github.settings(options, project)
    return lambda say: GitHubSource(settings, say)


def _branch_option(group: argparse._ActionsContainer) -> None:
    """Add the choice of branches, which is the same for every source that reads repositories."""
    group.add_argument(
        "--branch",
        action="append",
        default=[],
        metavar="NAME",
        help=f"read this branch; can be given several times; {ALL!r} for every branch, "
        "each commit once (the default branch)",
    )


def _lacks_extra(setting: str, problem: ImportError) -> SettingInvalid:
    hint = "install the extra: pip install -e '.[producer]'"
    return SettingInvalid(setting, f"{problem}", hint=hint)


_KINDS = {
    "fake": _Kind("generated commits", _fake_options, _fake),
    "git": _Kind("the history of a repository", _git_options, _git),
    "github": _Kind("repositories at GitHub, by its API", _github_options, _github),
    "webhook": _Kind("what GitHub pushes", _webhook_options, _webhook),
}
