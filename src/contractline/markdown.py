"""Words as Markdown that shows them as they are, whatever signs they hold."""

from __future__ import annotations

import re

_CODE = re.compile(r"(`[^`\n]+`)")
_SIGNS = re.compile(r"[\\*_\[\]<>|~#`!]")


def escaped(words: str) -> str:
    """Return words of other people on one line, with every sign shown as it is."""
    flat = " ".join(words.split()).replace("&", "&amp;")
    return _SIGNS.sub(lambda found: _ENTITIES.get(found.group(), f"\\{found.group()}"), flat)


_ENTITIES = {"<": "&lt;", ">": "&gt;"}


def prose(words: str) -> str:
    """Return our own words: `code` in them stays code, and no sign of the rest is a tag."""
    parts = _CODE.split(words)
    return "".join(
        part.replace("|", "\\|") if part.startswith("`") else _text(part) for part in parts
    )


def code(words: str) -> str:
    """Return words as code on one line; nothing for no words."""
    flat = " ".join(words.split()).replace("|", "\\|")
    if not flat:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", flat)), default=0))
    return f"{fence} {flat} {fence}" if "`" in flat else f"`{flat}`"


def table(rows: list[tuple[str, ...]]) -> str:
    """Return a table of cells that are Markdown already; the first row holds the headings."""
    head, *body = rows
    lines = [head, ("---",) * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(words: str) -> str:
    for sign, entity in {"&": "&amp;", "<": "&lt;", "|": "\\|"}.items():
        words = words.replace(sign, entity)
    return words
