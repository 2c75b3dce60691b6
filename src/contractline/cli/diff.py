"""``contractline diff``: what changed in a contract, or in all of them between two commits."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation
from contractline.errors import ContractlineError

if TYPE_CHECKING:
    from contractline.contracts.draft import Draft
    from contractline.gate.base import Base
    from contractline.gate.diff import StreamDifference
    from contractline.project import Project


class NeitherStreamNorCommit(ContractlineError):
    """When a word is given that names nothing."""

    def __init__(self, word: str, streams: Sequence[str]) -> None:
        self.word = word
        near = difflib.get_close_matches(word, streams, 1)
        super().__init__(
            f"`{word}` is neither a stream nor a commit",
            hint=f"did you mean {near[0]}?" if near else f"streams: {', '.join(sorted(streams))}",
        )


class NothingToDiff(ContractlineError):
    """When no commit is named and none can be found."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, hint="name a commit: `contractline diff REF`")


@click.command()
@click.argument("what", nargs=-1, metavar="[STREAM [V1 [V2]] | REF..REF | REF [REF]]")
@click.option("--from", "since", metavar="REF", help="The earlier commit, branch or tag.")
@click.option("--to", "until", metavar="REF", help="The later one; the checkout as it is, without.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="For people, for a page, or for programs.",
)
@click.pass_obj
def command(
    invocation: Invocation,
    what: tuple[str, ...],
    since: str | None,
    until: str | None,
    output: str,
) -> None:
    """Show what changed, in words and field by field.

    STREAM V1 V2 compares two versions of a stream's schema: v1, 1, or working for the one that is
    not released yet. REF..REF (or REF REF, or --from and --to) compares all contracts of two
    commits, or one stream's. Without a second version or commit, the checkout as it is is meant;
    without a first one, the last version, or where the branch began.

    "new reads old" tells whether the new schema reads that field in old records, "old reads new"
    the other way round. Exit code 0, whatever differs; 2 when it could not be told.
    """
    from contractline.contracts.load import load_drafts
    from contractline.gate.base_git import RefUnknown
    from contractline.gate.reports import diff

    project = invocation.project
    drafts = load_drafts(project)
    streams = [draft.name for draft in drafts]
    asked = _Asked.of(what, since, until, streams)
    try:
        shown = _compared(project, drafts, asked)
    except RefUnknown as problem:
        if problem.ref in what:
            raise NeitherStreamNorCommit(problem.ref, streams) from problem
        raise
    if output == "json":
        click.echo(diff.as_json(shown))
    elif shown:
        click.echo(diff.markdown(shown) if output == "markdown" else diff.text(shown))
    else:
        click.echo("no contract differs")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the arguments ask for.

    Attributes:
        stream: the one that is meant; None for all.
        first: the earlier version or commit; None for the last one.
        second: the later version or commit; None for the checkout as it is.
        is_of_commits: whether two commits are compared, and not two versions.
    """

    stream: str | None
    first: str | None
    second: str | None
    is_of_commits: bool

    @classmethod
    def of(
        cls, what: Sequence[str], since: str | None, until: str | None, streams: Sequence[str]
    ) -> _Asked:
        """Tell a stream and its versions from commits.

        Raises:
            UsageError: they are mixed, or too many.
        """
        stream, rest = (what[0], what[1:]) if what and what[0] in streams else (None, what)
        if rest and (since or until):
            raise click.UsageError("name versions or commits once; not also with --from and --to")
        if len(rest) > 2:
            raise click.UsageError("two versions or two commits at most")
        first, second = (*rest, None, None)[:2]
        if stream is not None and not (since or until):
            return cls(stream, first, second, is_of_commits=False)
        if first is not None and second is None and ".." in first:
            first, second = (ref.strip(".") or "HEAD" for ref in first.split("..", 1))
        return cls(stream, first or since, second or until, is_of_commits=True)


def _compared(project: Project, drafts: Sequence[Draft], asked: _Asked) -> list[StreamDifference]:
    from contractline.contracts.change import changes
    from contractline.gate.base import Base, opened_commit
    from contractline.gate.diff import between_contracts

    if not asked.is_of_commits:
        return [_of_versions(next(d for d in drafts if d.name == asked.stream), asked)]
    with ExitStack() as stack:
        before = stack.enter_context(_earlier(project, drafts, asked.first))
        after = Base("the checkout", tuple(drafts), project)
        if asked.second is not None:
            after = stack.enter_context(opened_commit(project, asked.second))
        found = [
            between_contracts(pair, before.name, after.name)
            for pair in changes(before.drafts, after.drafts)
            if asked.stream in (None, pair.name)
        ]
    return [one for one in found if not one.is_empty]


def _of_versions(draft: Draft, asked: _Asked) -> StreamDifference:
    from contractline.gate.diff import WORKING, between_versions, newest_versions

    if asked.first is None:
        return between_versions(draft, *newest_versions(draft))
    return between_versions(draft, asked.first, asked.second or WORKING)


@contextmanager
def _earlier(project: Project, drafts: Sequence[Draft], ref: str | None) -> Iterator[Base]:
    """Give a commit; without a name the one at which the branch began."""
    from contractline.gate.base import NoBase, opened_base, opened_commit
    from contractline.settings import environment

    if ref is not None:
        with opened_commit(project, ref) as base:
            yield base
        return
    with opened_base(project, drafts, None, environment()) as found:
        if isinstance(found, NoBase):
            raise NothingToDiff(found.reason)
        yield found
