"""Every edit of tests/cases/gate, tried: records of both versions through the real tables.

The engine runs in a process of its own, without a stack. What becomes of the records is what the
rules foretold, and docs/gate-edits.md tells it: ``pytest --update-cases`` writes its table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from contractline.project import Project
from contractline.proof.proof import Prover, StreamProof, prover
from tests.fixtures.edits import Edit, edits

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "gate-edits.md"
BEGIN, END = "<!-- edits -->\n", "<!-- /edits -->\n"
RECORDS = 20
WIDTH = 120

EDITS = {edit.name: edit for edit in edits()}
TITLES = {
    "corrupts": "Read as other values, and no error says so",
    "breaks": "Not read: an error for each message",
    "ok": "Read as they are meant",
}
_TAIL = re.compile(r": column \S+ .* of gate\.\w+, |; record: |; \d+ of \d+ records")
_SAID = re.compile(r"the tables(?: as they are)? (?:read |can't read )?")


@dataclass(frozen=True)
class Tried:
    """What came of an edit."""

    edit: Edit
    proof: StreamProof

    @property
    def row(self) -> str:
        expected = self.edit.expected
        assert expected is not None
        rules = [f"[{rule}](rules/{rule}.md)" for rule in expected.rules]
        cells = (
            f"{self.edit.words}",
            "yes" if expected.backward else "no",
            "yes" if expected.forward else "no",
            ("no tables; the old ones: " if self.proof.unmappable else "") + self.figures,
            ", ".join(rules),
        )
        return "| " + " | ".join(cells) + " |"

    @property
    def figures(self) -> str:
        """What the engine did first, in its figures."""
        found = [one for one in self.proof.findings if one.severity == "error"]
        if not found:
            return "right"
        said = " ".join(_TAIL.split(found[0].message)[0].split())
        is_refused = "can't read" in said
        said = _SAID.sub("", said, count=1)
        words = f"not read: {said.removeprefix('any record: ')}" if is_refused else said
        words = words if len(words) <= WIDTH else f"{words[: WIDTH - 1]}…"
        return f"`{words.replace('|', '/').replace('`', '')}`"


@pytest.fixture(scope="module")
def prove() -> Iterator[Prover]:
    with prover(Project(ROOT)) as one:
        yield one


@pytest.fixture(scope="module")
def tried(prove: Prover, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tried]:
    known: dict[str, Tried] = {}

    def trying(name: str) -> Tried:
        if name not in known:
            change = EDITS[name].change(tmp_path_factory.mktemp(name))
            proof = prove.prove(change, records=RECORDS)
            assert proof is not None
            known[name] = Tried(EDITS[name], proof)
        return known[name]

    return trying


@pytest.mark.parametrize("name", EDITS)
def test_the_engine_does_what_the_rules_foretell(tried: Callable[[str], Tried], name: str) -> None:
    one = tried(name)
    assert one.edit.expected is not None
    assert one.proof.verdict.value == one.edit.expected.sink, [
        finding.message for finding in one.proof.findings
    ]


def table(all_tried: Mapping[str, list[Tried]]) -> str:
    """Return the tables of the page, those that do harm first."""
    lines: list[str] = []
    for kind, title in TITLES.items():
        rows = sorted(one.row for one in all_tried[kind])
        lines += [
            f"## {title}",
            "",
            "| edit | new reads old | old reads new | what ClickHouse did | rule |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join(lines)


def test_the_page_tells_what_was_tried(
    tried: Callable[[str], Tried], expect: Callable[[Path, str], None]
) -> None:
    by_kind: dict[str, list[Tried]] = {kind: [] for kind in TITLES}
    for name in EDITS:
        one = tried(name)
        by_kind[one.proof.verdict.value].append(one)
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    expect(PAGE, f"{head}{BEGIN}\n{table(by_kind)}{END}{tail}")
