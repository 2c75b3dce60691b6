from __future__ import annotations

import pytest

from contractline.rules.by_id import RULES, RuleUnknown, nearest_rule, rule_named


@pytest.mark.parametrize(
    "spelled", ["FIELD_HAS_DOC", "field_has_doc", "field-has-doc", " Field_Has_Doc"]
)
def test_a_rule_is_found_by_its_id(spelled):
    assert rule_named(spelled).id == "FIELD_HAS_DOC"


@pytest.mark.parametrize(
    ("misspelt", "near"),
    [("FIELD_HAS_DOCS", "FIELD_HAS_DOC"), ("topic-uniq", "TOPIC_UNIQUE"), ("xyz", ""), ("", "")],
)
def test_a_misspelt_id_suggests_the_nearest(misspelt, near):
    assert nearest_rule(misspelt) == near
    with pytest.raises(RuleUnknown) as refusal:
        rule_named(misspelt)
    assert (near or "`contractline rules`") in refusal.value.hint


def test_ids_are_unique():
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_law_is_one_sentence_and_the_page_says_why(rule):
    assert rule.summary.endswith("."), "the first line of the docstring is the rule"
    assert "\n" not in rule.summary, (
        "the first line of the docstring is the rule, alone on its line"
    )
    for word in ("Why:", "Bad:", "Good:"):
        assert word in rule.page, f"the docstring of {rule.handler.__name__} lacks {word!r}"


def test_the_category_is_the_module_of_the_handler():
    assert {rule_named(name).category for name in ("FIELD_HAS_DOC", "FIELD_NAME_FREE")} == {
        "fields"
    }
    assert rule_named("TOPIC_UNIQUE").category == "unique"
