"""Which commits the chosen refs of a repository name at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contractline.errors import ContractlineError
from producer.git.command import Git
from producer.refs import RefChoice

HEAD = "HEAD"
_REPLACEMENTS = "refs/replace/"
_SHOWN_REFS = 8

Tips = Mapping[str, str]
"""Commits by the full names of the refs that name them."""


class NoSuchRef(ContractlineError):
    """When a chosen ref is not in the repository."""

    def __init__(self, ref: str, where: str, known: Sequence[str]) -> None:
        self.ref = ref
        some = ", ".join(known[:_SHOWN_REFS]) + (", …" if len(known) > _SHOWN_REFS else "")
        super().__init__(
            f"{where} has no ref {ref!r} that names a commit",
            hint=f"it has {some}" if known else "it has no branches yet",
        )


def tips(git: Git, choice: RefChoice) -> dict[str, str]:
    """Return the commits of the chosen refs, the default branch's first.

    An empty repository gives none.

    Raises:
        NoSuchRef: a chosen ref does not exist.
        GitFailed: the repository can't be read.
    """
    if choice.names:
        chosen = {_full_name(git, name): name for name in choice.names}
        found = commits(git, chosen)
        for full, name in chosen.items():
            if full not in found:
                raise NoSuchRef(name, str(git.path), _branches(git))
        return found
    refs = [_head(git)]
    if choice.all or choice.branches:
        listed = git.text("for-each-ref", "--format=%(refname)").split("\n")
        taken = (r for r in listed if choice.takes(r) and not r.startswith(_REPLACEMENTS))
        refs += [r for r in taken if r and r not in refs]
    return commits(git, refs)


def commits(git: Git, names: Iterable[str]) -> dict[str, str]:
    """Return the commits that names lead to; names that lead to none are left out."""
    names = [name for name in names if "\n" not in name]
    answers = git.text(
        "cat-file",
        "--batch-check=%(objectname) %(objecttype)",
        lines=(f"{name}^{{commit}}" for name in names),
    )
    found = {}
    for name, answer in zip(names, answers.split("\n") if names else (), strict=True):
        commit, _, kind = answer.partition(" ")
        if kind == "commit":
            found[name] = commit
    return found


def is_ancestor(git: Git, older: str, newer: str) -> bool:
    """Whether one commit is in the history of another, or is that one itself."""
    answer = git.run("merge-base", "--is-ancestor", older, newer, fine=(0, 1))
    return answer.returncode == 0


def _head(git: Git) -> str:
    return git.text("symbolic-ref", "--quiet", HEAD, fine=(0, 1)) or HEAD


def _full_name(git: Git, name: str) -> str:
    """Return a ref's full name; what names no ref, such as a hash, is its own."""
    if name.startswith("-"):  # git would take it for an option
        return name
    found = git.run("rev-parse", "--symbolic-full-name", "--verify", "-q", name, fine=(0, 1))
    full = found.stdout.decode(errors="replace").strip()
    return full if full.startswith("refs/") and "\n" not in full else name


def _branches(git: Git) -> list[str]:
    listed = git.text("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes")
    return listed.split("\n") if listed else []
