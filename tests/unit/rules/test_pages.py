from __future__ import annotations

from pathlib import Path

import pytest

from contractline.finding import RuleId, Severity
from contractline.project import Project
from contractline.rules.laws import LAWS, law_named
from contractline.rules.pages import FOLDER, index, markdown, page_files, text
from contractline.rules.rule import Law

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
    law = Law(RuleId("EXAMPLE"), Severity.WARNING, example)
    page = markdown(law, (law, law_named("FIELD_HAS_DOC")))
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
    law = Law(RuleId("EXAMPLE"), Severity.WARNING, example)
    shown = text(law)
    assert shown.startswith("EXAMPLE (warning, tests)\n\nA name is `<prefix>.<table>` | or <x>.\n")
    assert "\nGood:\n\n    {" in shown


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.id)
def test_no_part_of_a_page_is_lost(law):
    page = markdown(law, LAWS)
    assert all(f"**{word}:**" in page for word in ("Why", "Bad", "Good"))
    assert page.count("```") == 2 * law.page.count("::\n")


def test_the_index_names_every_rule():
    words = index(LAWS)
    assert all(words.count(f"[{law.id}]({law.id}.md)") == 1 for law in LAWS)


def test_the_committed_pages_are_those_of_the_rules():
    wanted = page_files(Project(ROOT), LAWS)
    present = {
        file: file.read_text(encoding="utf-8") for file in (ROOT / "docs" / FOLDER).iterdir()
    }
    assert present == wanted, "`contractline generate rules` writes them"
