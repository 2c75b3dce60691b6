from __future__ import annotations

import pytest

from contractline.markdown import block, code, own, prose, table


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("plain words", "plain words"),
        ("a\n  b", "a b"),
        ("<img src=x> & `a<b>`", "\\<img src=x\\> &amp; `a<b>`"),
        ("[a](b) *c* __d__ | e", "\\[a\\](b) \\*c\\* \\_\\_d\\_\\_ \\| e"),
        ("@everybody https://x.example", "&#64;everybody https:&#47;&#47;x.example"),
        ("turned \u202e round", "turned \\\\u202e round"),
    ],
)
def test_words_of_others_stay_words(words, shown):
    assert prose(words) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("see `a<b>` and <c>", "see `a<b>` and &lt;c>"),
        ("`a|b` | c", "`a\\|b` \\| c"),
        ("one ` alone <x>", "one ` alone &lt;x>"),
    ],
)
def test_our_own_words_hold_no_tag(words, shown):
    assert own(words) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [("", ""), ("a b", "`a b`"), ("a`b", "``a`b``"), ("``", "``` `` ```"), ("a|b", "`a\\|b`")],
)
def test_words_as_code(words, shown):
    assert code(words) == shown


def test_a_block_ends_where_it_should():
    assert block("a\n```\nb", "sql") == "````sql\na\n```\nb\n````"


def test_a_table():
    assert table([("a", "b"), ("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
