"""Where the parts of a contract stand in its document."""

from __future__ import annotations

from contractline.avro.paths import Steps
from contractline.contracts.draft import Draft


def section(draft: Draft, name: str, *inner: str | int) -> Steps:
    """Return the place of one of our custom properties, or of something inside its value."""
    for position, one in enumerate(draft.odcs.customProperties or []):
        if one.property == name:
            return ("customProperties", position, "value", *inner)
    return ("customProperties",)
