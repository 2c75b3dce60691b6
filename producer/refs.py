"""Which refs of a repository are read: one setting for every source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"

ALL = "all"
"""What ``--branch`` takes for every branch."""

MERGE_QUEUE = BRANCHES + "gh-readonly-queue/"
"""GitHub's merge queue tries merges on branches of its own. What it discards never lands, and what
it keeps arrives with the branch that it is merged into, so these branches count only by name.
"""


@dataclass(frozen=True, slots=True)
class RefChoice:
    """The refs whose commits count.

    Attributes:
        names: refs as people write them; the default branch when empty.
        branches: every branch, except those of a merge queue.
        all: every ref, tags included, except the branches of a merge queue.
    """

    names: tuple[str, ...] = ()
    branches: bool = False
    all: bool = False

    @classmethod
    def of_branches(cls, given: Sequence[str]) -> RefChoice:
        """Return the choice that ``--branch`` makes; each value is a name or ``all``."""
        return cls(branches=True) if ALL in given else cls(tuple(given))

    def counts(self, ref: str, default_branch: str) -> bool:
        """Tell whether a ref's commits are read.

        Args:
            ref: the full name, such as ``refs/heads/main``.
            default_branch: the short name of the repository's default branch.
        """
        if self.names:
            return any(ref in (name, BRANCHES + name, TAGS + name) for name in self.names)
        if self.branches or self.all:
            return self.takes(ref)
        return ref == BRANCHES + default_branch

    def takes(self, ref: str) -> bool:
        """Tell whether a ref is among every branch, or every ref, as this choice says."""
        if ref.startswith(MERGE_QUEUE):
            return False
        return self.all or ref.startswith(BRANCHES)
