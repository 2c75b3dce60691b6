"""What a checkout is compared with: a commit, another folder, or what a registry holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.schema import Schema
from contractline.contracts.draft import PARTS, VERSIONS, Draft, PartUnread, Released
from contractline.contracts.load import contract_folders, load_drafts
from contractline.contracts.model import Part, Subject, Version
from contractline.contracts.waivers import Waivers
from contractline.errors import ContractlineError
from contractline.gate.base_checkout import laid_out
from contractline.gate.base_git import Git, NoCommonCommit, RefUnknown
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.signals import temporary_folder

if TYPE_CHECKING:
    from contractline.clients.registry import Registry

REGISTRY = "registry"
"""The word that names the running registry as the base."""

DEFAULT_BRANCHES = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)
"""Where the default branch may be, the likeliest first."""

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")


class BaseInvalid(ContractlineError):
    """When a folder is named as the base and holds no contracts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} holds no contracts/", hint="name the root of a checkout, or a git ref"
        )


class VersionUnreadable(ContractlineError):
    """When a registry that is the base holds something else than an Avro schema."""

    def __init__(self, registry: str, subject: Subject, number: int) -> None:
        super().__init__(
            f"the registry at {registry} holds no Avro schema as version {number} of {subject}",
            hint="`contractline plan schemas` says more; a git ref as the base does without",
        )


@dataclass(frozen=True, slots=True)
class Base:
    """The other side of a comparison.

    Attributes:
        name: what it is, in words, such as ``main (1a2b3c4)``.
        drafts: its contracts.
        project: its checkout, as long as the base is open; None for a registry.
    """

    name: str
    drafts: tuple[Draft, ...]
    project: Project | None = None


@dataclass(frozen=True, slots=True)
class NoBase:
    """Stands where there is nothing to compare with.

    Attributes:
        reason: why, in words.
    """

    reason: str


@contextmanager
def opened_base(
    project: Project,
    drafts: Sequence[Draft],
    against: str | None,
    environment: Mapping[str, str],
) -> Iterator[Base | NoBase]:
    """Give what a checkout is compared with; what was laid out for it is removed afterwards.

    Args:
        project: the checkout.
        drafts: its contracts.
        against: a git ref, a folder or ``registry``; None finds where the branch began.
        environment: says in a continuous integration what the change is against.

    Raises:
        ContractlineError: a base that was named, or that the environment names, can't be had.
    """
    if against == REGISTRY:
        yield _of_registry(project, drafts)
        return
    git = Git.at(project.root)
    commit = git.commit(against) if git and against else None
    if against and commit is None and (folder := _folder(against)) is not None:
        yield _of_folder(folder)
        return
    if git is None:
        if against:
            raise RefUnknown(against, hint="this checkout is in no git repository; name a folder")
        yield NoBase("this checkout is in no git repository")
        return
    point = _named(git, against, commit) if against else _default(git, environment)
    if isinstance(point, NoBase):
        yield point
        return
    with temporary_folder("contractline-base-") as root:
        other = laid_out(git, point.commit, project.root, root)
        yield Base(point.name, tuple(load_drafts(other, drafts)), other)


@contextmanager
def opened_commit(project: Project, ref: str) -> Iterator[Base]:
    """Give what a commit holds, wherever the branch began; what was laid out is removed afterwards.

    Raises:
        RefUnknown: the repository does not hold it, or the checkout lies in none.
    """
    git = Git.at(project.root)
    if git is None:
        raise RefUnknown(ref, hint="this checkout is in no git repository")
    commit = git.commit(ref)
    if commit is None:
        raise RefUnknown(ref, hint=_fetch(ref))
    short = commit[:7]
    with temporary_folder("contractline-base-") as root:
        other = laid_out(git, commit, project.root, root)
        name = short if commit.startswith(ref) else f"{ref} ({short})"
        yield Base(name, tuple(load_drafts(other)), other)


@dataclass(frozen=True, slots=True)
class _Point:
    """A commit to compare with, and what to call it."""

    name: str
    commit: str


def _named(git: Git, ref: str, commit: str | None) -> _Point:
    if commit is None:
        raise RefUnknown(ref, hint=_fetch(ref))
    point = _left(git, ref, commit)
    if point is None:
        raise NoCommonCommit(ref)
    return point


def _default(git: Git, environment: Mapping[str, str]) -> _Point | NoBase:
    if git.commit("HEAD") is None:
        return NoBase("the repository has no commit yet")
    said = {ref: git.commit(ref) for ref in _said(environment)}
    for ref, commit in said.items():
        if commit is not None and (point := _left(git, ref, commit)) is not None:
            return point
    if said:
        ref, commit = list(said.items())[-1]
        return _named(git, ref, commit)
    branch = git.first_of((*_default_said(environment), *DEFAULT_BRANCHES))
    if branch is None:
        return NoBase("the repository has no branch main or master, here or at origin")
    name = branch.removeprefix("refs/remotes/").removeprefix("refs/heads/")
    return _named(git, name, git.commit(branch))


def _left(git: Git, ref: str, commit: str) -> _Point | None:
    """Return the commit at which the current one left a ref; None where a shallow clone hides it.

    Where the two share no history, and where a shallow clone was given the exact commit, the ref's
    own commit counts.
    """
    is_exact = _SHA.match(ref) is not None
    began = git.merge_base(commit)
    if began is None and git.is_shallow and not is_exact:
        return None
    short = (began or commit)[:7]
    return _Point(short if is_exact else f"{ref} ({short})", began or commit)


def _fetch(ref: str) -> str:
    if _SHA.match(ref):
        return f"`git fetch --depth=1 origin {ref}` brings it"
    remote, _, branch = ref.partition("/")
    if remote == "origin" and branch:
        return f"`git fetch --unshallow origin {branch}` brings it, or `git fetch origin {branch}`"
    return "`git branch -a` and `git tag` list what there is; `git fetch origin` brings the rest"


def _said(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what a continuous integration says that the change is against, the best first."""
    if branch := environment.get("GITHUB_BASE_REF"):
        yield f"origin/{branch}"
    event = _event(environment)
    for steps in (("pull_request", "base", "sha"), ("merge_group", "base_sha")):
        if _SHA.match(commit := _text_at(event, steps)):
            yield commit
    if commit := environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""):
        yield commit


def _default_said(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the default branch that a continuous integration names."""
    names = (
        environment.get("CI_DEFAULT_BRANCH"),
        _text_at(_event(environment), ("repository", "default_branch")),
    )
    for name in filter(None, names):
        yield f"refs/remotes/origin/{name}"


def _event(environment: Mapping[str, str]) -> Any:
    """Return what a GitHub event tells; None where there is none."""
    try:
        file = Path(environment["GITHUB_EVENT_PATH"])
        return json.loads(decoded(read_bytes(file)))
    except (KeyError, FileUnreadable, ValueError, RecursionError):
        return None


def _text_at(value: Any, steps: Sequence[str]) -> str:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _folder(named: str) -> Path | None:
    folder = Path(named)
    return folder.resolve() if folder.is_dir() else None


def _of_folder(folder: Path) -> Base:
    project = Project(folder)
    if not project.contracts.is_dir() or not contract_folders(project):
        raise BaseInvalid(folder)
    return Base(str(folder), tuple(load_drafts(project)), project)


def _of_registry(project: Project, drafts: Sequence[Draft]) -> Base:
    """Return the contracts with the versions that the running registry holds of them."""
    # The HTTP client takes as long to import as a check takes: only for this base.
    from contractline.clients.registry import Registry

    with Registry.of(Endpoints.load(project)) as registry:
        held = tuple(_held(draft, registry) for draft in drafts)
    registered = tuple(draft for draft in held if draft is not None)
    return Base(f"the registry at {registry.url}", registered)


def _held(draft: Draft, registry: Registry) -> Draft | None:
    """Return a contract as a registry knows it; None where it knows no version of it."""
    try:
        topic = draft.pipeline.topic.name
    except PartUnread:
        return draft
    versions: dict[Part, tuple[Version, ...]] = {}
    for part in PARTS:
        subject = Subject(f"{topic}-{part}")
        released = {version.schema: version for version in draft.versions(part)}
        versions[part] = tuple(
            released.get(schema) or _uncontracted(draft, part, number, schema)
            for number, schema in _schemas(registry, subject)
        )
    if not versions["value"]:
        return None
    names = tuple(version.file.name for found in versions.values() for version in found)
    return replace(
        draft,
        findings=(),
        released=Released(names, versions, {}, None),
        schemas={part: found[-1].schema for part, found in versions.items() if found},
        waivers=Waivers(),
    )


def _schemas(registry: Registry, subject: Subject) -> Iterator[tuple[int, Schema]]:
    """Yield the versions of a subject.

    Raises:
        VersionUnreadable: one of them is not an Avro schema, so that nothing can be told of it.
    """
    for one in registry.versions(subject):
        if one.schema is None:
            raise VersionUnreadable(registry.url, subject, one.number)
        yield one.number, one.schema


def _uncontracted(draft: Draft, part: Part, number: int, schema: Schema) -> Version:
    """Return a version that no release holds, under the registry's own number."""
    return Version(number, schema, draft.folder / VERSIONS / f"{part}.v{number}.avsc")
