from __future__ import annotations

import pytest

from contractline.targets.postgres.identities import kind_of, mailmap_entries

MAILMAP = """\
# a comment
Proper Name <commit@example.org>
<proper@example.org> <commit@example.org>
Proper Name <Proper@example.org> <Commit@example.org>  # said why
Proper  Name <proper@example.org> Commit Name <commit@example.org>
no address here
<alone@example.org>
"""


def test_a_mailmap_s_four_forms():
    assert [(e.proper_name, e.proper_email, e.identity) for e in mailmap_entries(MAILMAP)] == [
        ("Proper Name", "commit@example.org", "commit@example.org"),
        ("", "proper@example.org", "commit@example.org"),
        ("Proper Name", "Proper@example.org", "commit@example.org"),
        ("Proper Name", "proper@example.org", "commit name <commit@example.org>"),
    ]


@pytest.mark.parametrize(
    ("identity", "kind"),
    [
        ("octocat", "login"),
        ("octocat@example.org", "email"),
        ("7+Octocat@users.noreply.GitHub.com", "noreply"),
    ],
)
def test_what_an_identity_looks_like(identity, kind):
    assert kind_of(identity) == kind
