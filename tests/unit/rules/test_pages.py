from __future__ import annotations

from pathlib import Path

import pytest

from contractline.finding import RuleId, Severity
from contractline.project import Project
from contractline.rules.by_id import RULES, rule_named
from contractline.rules.pages import FOLDER, index, markdown, page_files, text
from contractline.rules.rule import Rule

ROOT = Path(__file__).parents[3]


def example() -> None:
    """A name is ``<prefix>.<table>`` | or <x>.

    Why: see FIELD_HAS_DOC and
    EXAMPLE itself.

    Bad: ``a`` alone. Good: ``b``.

    Good::

        {"name": "a",
         "type": "int"}
    """


def test_a_docstring_becomes_markdown():
    rule = Rule(RuleId("EXAMPLE"), Severity.WARNING, example)
    page = markdown(rule, (rule, rule_named("FIELD_HAS_DOC")))
    assert page.split("\n", 1)[1] == (
        "# EXAMPLE\n\n"
        "warning, tests. [All rules](README.md).\n\n"
        "A name is `<prefix>.<table>` \\| or &lt;x>.\n\n"
        "**Why:** see [FIELD_HAS_DOC](FIELD_HAS_DOC.md) and EXAMPLE itself.\n\n"
        "**Bad:** `a` alone.\n\n"
        "**Good:** `b`.\n\n"
        "**Good:**\n\n"
        '```json\n{"name": "a",\n "type": "int"}\n```\n'
    )


def test_a_docstring_in_a_terminal():
    rule = Rule(RuleId("EXAMPLE"), Severity.WARNING, example)
    shown = text(rule)
    assert shown.startswith("EXAMPLE (warning, tests)\n\nA name is `<prefix>.<table>` | or <x>.\n")
    assert "\nGood:\n\n    {" in shown


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_part_of_a_page_is_lost(rule):
    page = markdown(rule, RULES)
    assert all(f"**{word}:**" in page for word in ("Why", "Bad", "Good"))
    assert page.count("```") == 2 * rule.page.count("::\n")


def test_the_index_names_every_rule():
    words = index(RULES)
    assert all(words.count(f"[{rule.id}]({rule.id}.md)") == 1 for rule in RULES)


def test_the_committed_pages_are_those_of_the_rules():
    wanted = page_files(Project(ROOT), RULES)
    present = {
        file: file.read_text(encoding="utf-8") for file in (ROOT / "docs" / FOLDER).iterdir()
    }
    assert present == wanted, "`contractline generate rules` writes them"
