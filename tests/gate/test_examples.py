"""docs/examples: the comments on an accepted and on a rejected change, made by running the check.

`pytest tests/gate/test_examples.py --update-cases` writes them anew.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from contractline.gate.base_checkout import FOLDERS
from tests.fixtures.snapshot import put_commits
from tests.gate.conftest import Checkout

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
BRANCH = """,
    {
      "name": "branch",
      "type": ["null", "string"],
      "default": null,
      "doc": "Branch that the commit was read from; null when unknown."
    }
  ]
}
"""


@pytest.fixture
def ours(tmp_path, capsys, environment) -> Checkout:
    """This checkout's contracts and their readers, at the start of a branch."""
    root = tmp_path / "checkout"
    for folder in FOLDERS:
        if (ROOT / folder).is_dir():
            shutil.copytree(
                ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__")
            )
    put_commits(root / "contracts")
    checkout = Checkout(root, capsys)
    assert checkout.contractline("generate", "tables")[0] == 0
    checkout.git("init", "--quiet", "--initial-branch", "main")
    checkout.commit()
    checkout.git("switch", "--quiet", "--create", "change")
    return checkout


def comment(checkout: Checkout) -> tuple[int, str]:
    """Return the exit code and the comment, without the commit's number, which moves."""
    code, out, _ = checkout.contractline("check", "--prove", "--format", "markdown")
    return code, re.sub(r"`main \([0-9a-f]{7}\)`", "`main (1a2b3c4)`", out.rstrip()) + "\n"


def test_accepted_a_field_with_a_default(ours, expect):
    schema = ours.root / "contracts/commits/value.avsc"
    schema.write_text(re.sub(r"\s*\]\s*\}\s*\Z", BRANCH, schema.read_text()))
    assert ours.contractline("release", "commits", "--message", "Asked for.")[0] == 0
    assert ours.contractline("generate", "tables")[0] == 0
    code, text = comment(ours)
    assert code == 0
    expect(EXAMPLES / "accepted.md", text)


def test_rejected_a_time_in_another_unit(ours, expect):
    # Every registry takes this: in Avro both are a long.
    schema = ours.root / "contracts/commits/value.avsc"
    pattern = r'("committed_at",\s*"type": \{\s*"type": "long",\s*"logicalType": "timestamp-)micros'
    text, changed = re.subn(pattern, r"\1millis", schema.read_text())
    assert changed == 1
    schema.write_text(text)
    code, text = comment(ours)
    assert code == 1
    expect(EXAMPLES / "rejected.md", text)
