from __future__ import annotations

import pytest

from contractline.markdown import code, escaped, prose, table


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("plain words", "plain words"),
        ("a\n  b", "a b"),
        ("<img src=x> & `x`", "&lt;img src=x&gt; &amp; \\`x\\`"),
        ("[a](b) *c* __d__ | e", "\\[a\\](b) \\*c\\* \\_\\_d\\_\\_ \\| e"),
    ],
)
def test_words_of_others_are_shown_as_they_are(words, shown):
    assert escaped(words) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("see `a<b>` and <c>", "see `a<b>` and &lt;c>"),
        ("`a|b` | c", "`a\\|b` \\| c"),
        ("one ` alone <x>", "one ` alone &lt;x>"),
    ],
)
def test_code_in_our_own_words_stays_code(words, shown):
    assert prose(words) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [("", ""), ("a b", "`a b`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("a|b", "`a\\|b`")],
)
def test_words_as_code(words, shown):
    assert code(words) == shown


def test_a_table():
    assert table([("a", "b"), ("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
