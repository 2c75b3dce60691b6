"""Words as Markdown: whatever they hold, they stay the words that they are.

Names, docs and defaults are written by whoever opens a pull request. As text they may not begin a
table's next cell, a tag, a link or a mention of somebody; as code they may not end it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# An underscore between letters is never emphasis.
_SPECIAL = re.compile(r"([\\`*{}\[\]<>|~#]|(?<![^\W_])_|_(?![^\W_]))")
_RUN = re.compile(r"`+")
_CODE = re.compile(r"`([^`\n]+)`")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def prose(words: str) -> str:
    """Return words as text of one line; what stands between backticks becomes code."""
    flat = " ".join(_visible(words).split())
    parts = _CODE.split(flat)
    return "".join(
        code(part) if position % 2 else _escaped(part) for position, part in enumerate(parts)
    )


def own(words: str) -> str:
    """Return our own words: links, emphasis and code stay what they are, and nothing is a tag."""
    parts = _CODE.split(words)
    return "".join(
        code(part) if position % 2 else _without_tags(part) for position, part in enumerate(parts)
    )


def code(words: str) -> str:
    """Return words as code of one line, in a table too; nothing for no words."""
    flat = " ".join(_visible(words).split()).replace("|", "\\|")
    if not flat:
        return ""
    fence = "`" * (_longest_run(flat) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def block(text: str, language: str = "") -> str:
    """Return lines as a block of code."""
    shown = _INVISIBLE.sub(_written, text)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already; the first row holds the headings."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _visible(words: str) -> str:
    """Return words with what could hide or turn them written out."""
    return _INVISIBLE.sub(_written, words)


def _written(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}" if match.group() not in "\r" else ""


def _without_tags(part: str) -> str:
    return part.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _escaped(part: str) -> str:
    marked = _SPECIAL.sub(r"\\\1", part).replace("&", "&amp;")
    return marked.replace("@", "&#64;").replace("://", ":&#47;&#47;").replace("www.", "www&#46;")


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUN.findall(text)), default=0)
