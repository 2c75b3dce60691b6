"""The documentation of the rules, from their docstrings: docs/rules, and the page in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from contractline.markdown import own, table
from contractline.project import Project
from contractline.rules.rule import Rule

FOLDER = "rules"
"""The folder of the pages in docs."""

_ID = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")
_EXAMPLE = re.compile(r"\s+(?=Good:)")
_LABEL = re.compile(r"^(Why|Bad|Good):")


def page_files(project: Project, rules: Sequence[Rule]) -> dict[Path, str]:
    """Return the files of docs/rules as the rules want them."""
    folder = project.docs / FOLDER
    pages = {folder / f"{rule.id}.md": markdown(rule, rules) for rule in rules}
    return {folder / "README.md": index(rules)} | pages


def text(rule: Rule) -> str:
    """Return a rule's page as a terminal shows it."""
    words = rule.page.replace("::\n", ":\n").replace("``", "`")
    return f"{rule.id} ({rule.severity}, {rule.category})\n\n{words}\n"


def markdown(rule: Rule, rules: Sequence[Rule]) -> str:
    """Return a rule's page; the ids of other rules in it become links."""
    ids = {other.id for other in rules} - {rule.id}
    blocks = [f"# {rule.id}", f"{rule.severity}, {rule.category}. [All rules](README.md)."]
    for paragraph in rule.page.split("\n\n"):
        blocks += _blocks(paragraph, frozenset(ids))
    source = f"src/{rule.handler.__module__.replace('.', '/')}.py"
    return _generated(source) + "\n\n".join(blocks) + "\n"


def index(rules: Sequence[Rule]) -> str:
    """Return the list of all rules, by category."""
    blocks = [
        "# Rules",
        "What `contractline check` holds contracts and their changes against."
        " `contractline rules` lists them, `contractline rules <ID>` shows one.",
    ]
    ordered = sorted(rules, key=lambda rule: (rule.category, rule.id))
    for category, found in groupby(ordered, key=lambda rule: rule.category):
        rows = [
            (f"[{rule.id}]({rule.id}.md)", str(rule.severity), own(rule.summary)) for rule in found
        ]
        blocks += [f"## {category}", table([("rule", "severity", "what it says"), *rows])]
    return _generated("src/contractline/rules") + "\n\n".join(blocks) + "\n"


def _generated(source: str) -> str:
    return f"<!-- Generated from {source} by `contractline generate rules`. -->\n"


def _blocks(paragraph: str, ids: frozenset[str]) -> Iterator[str]:
    """Yield a paragraph of a docstring as Markdown: prose, a label, or a block of code."""
    if paragraph.startswith("    "):
        code = "\n".join(line.removeprefix("    ") for line in paragraph.splitlines())
        yield f"```{_language(code)}\n{code}\n```"
        return
    for part in _EXAMPLE.split(paragraph):
        words = _linked(own(" ".join(part.split()).replace("::", ":").replace("``", "`")), ids)
        yield _LABEL.sub(r"**\1:**", words)


def _language(code: str) -> str:
    if code.startswith(("{", "[")):
        return "json"
    return "sql" if re.match(r"(CREATE|SELECT)\b", code) else "yaml"


def _linked(prose: str, ids: frozenset[str]) -> str:
    return _ID.sub(lambda found: _link(found.group(), ids), prose)


def _link(name: str, ids: frozenset[str]) -> str:
    return f"[{name}]({name}.md)" if name in ids else name
