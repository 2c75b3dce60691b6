"""How an object in Metabase says which file declares it, and what was applied last.

The last paragraph of its description does: Metabase's free edition keeps no other text for us, and
a name may be changed by anybody. A checksum of what was applied tells a change by hand from one in
the repository.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_MARK = re.compile(r"\n*Declared in (reports/[\w./#-]+); applied as ([0-9a-f]{12})\.\s*\Z")


def described(declared: Mapping[str, Any], description: str, source: str) -> dict[str, Any]:
    """Return a declared object with its description, and the mark in it.

    Args:
        declared: the object without its description.
        description: what people read of it.
        source: the file that declares it.
    """
    text = f"{description}\n\nDeclared in {source}; applied as {checksum(declared, description)}."
    return {**declared, "description": text}


def checksum(declared: Mapping[str, Any], description: str) -> str:
    """Return a short checksum of an object in the declared form."""
    content = {**declared, "description": unmarked(description)}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def source_of(description: str | None) -> str:
    """Return the file that declares an object; empty where it is not ours."""
    mark = _MARK.search(description or "")
    return mark[1] if mark else ""


def unmarked(description: str) -> str:
    """Return a description without the mark."""
    return _MARK.sub("", description).strip()


def is_changed_by_hand(live: Mapping[str, Any]) -> bool:
    """Tell whether an object is other than it was when it was applied last."""
    mark = _MARK.search(live["description"])
    return mark is not None and checksum(live, live["description"]) != mark[2]
