"""What the watch of the local stack did last."""

from __future__ import annotations

import re

from contractline.stack.layout import Layout
from contractline.status.facts import Fact, Facts, Sources

_LINE = re.compile(r"^(\d{4}-\d\d-\d\dT\S+Z) (.+)$", re.MULTILINE)
_END_BYTES = 64 * 1024


def last_action(sources: Sources) -> Facts:
    """Tell the last thing that the watch said it did; nothing where it runs elsewhere."""
    file = Layout(sources.project.state).log("watch")
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _END_BYTES))
            said = _LINE.findall(stream.read().decode(errors="replace"))
    except FileNotFoundError:
        return {}
    if not said:
        return {}
    at, words = said[-1]
    return {"watch": [Fact("last action", words), Fact("at", at)]}
