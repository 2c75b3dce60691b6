"""What a pull request does to each contract: how it was at the base, and how it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contractline.contracts.draft import Draft


@dataclass(frozen=True, slots=True)
class StreamChange:
    """One contract before and after; at least one of both is there.

    Attributes:
        before: the contract at the base; None when it is new.
        after: the contract now; None when it was removed.
    """

    before: Draft | None
    after: Draft | None

    @property
    def name(self) -> str:
        """The name of the contract."""
        draft = self.after or self.before
        return draft.name if draft else ""

    @property
    def is_none(self) -> bool:
        """Whether both are one reading of the same files."""
        before, after = self.before, self.after
        if before is None or after is None:
            return False
        return all(getattr(before, part) is getattr(after, part) for part in _READ)


_READ = ("document", "odcs_part", "pipeline_part", "released", "schemas", "waivers")
"""What a draft holds of its files."""


def changes(before: Sequence[Draft], after: Sequence[Draft]) -> tuple[StreamChange, ...]:
    """Pair the contracts of two checkouts by their names: those of the second first, in order."""
    earlier = {draft.name: draft for draft in before}
    pairs = [StreamChange(earlier.pop(draft.name, None), draft) for draft in after]
    return (*pairs, *(StreamChange(draft, None) for draft in earlier.values()))
