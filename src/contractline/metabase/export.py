"""Changes that people made to cards in Metabase, as changes to files of ``reports/``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from contractline.avro.files import decoded, read_bytes
from contractline.contracts.yamlfile import YamlFile, YamlInvalid
from contractline.metabase.cards import NOTE, Card, differences, question_card
from contractline.metabase.marks import is_changed_by_hand, unmarked
from contractline.metabase.native import sql_of, with_tags
from contractline.reports.load import LoadedQuestion, Reports

_WRITTEN = frozenset({"the title", "the description", "the query", NOTE})
"""The differences that a question's files can say."""


@dataclass(frozen=True, slots=True)
class Export:
    """What a card's changes come to.

    Attributes:
        question: the question.
        files: the new text of each file that changes.
        left: what was changed and can't be written into files, in words.
    """

    question: str
    files: Mapping[Path, str]
    left: tuple[str, ...] = ()


def exported(reports: Reports, live: Mapping[str, Card], database: int) -> Iterator[Export]:
    """Return the changes by hand of every card, question by question.

    Args:
        reports: what is declared.
        live: the cards on the server in the declared form, by the file that declares each.
        database: the id of the database there.
    """
    for question in reports.questions.values():
        card = live.get(f"reports/questions/{question.name}.sql")
        if card is None or not is_changed_by_hand(card):
            continue
        export = _export(
            question, reports, question_card(question, reports.filters, database), card
        )
        if export.files or export.left:
            yield export


def _export(question: LoadedQuestion, reports: Reports, declared: Card, live: Card) -> Export:
    files: dict[Path, str] = {}
    left = [words for words in differences(declared, live) if words not in _WRITTEN]
    now = {"title": live["name"], "description": unmarked(live["description"])}
    before = {"title": question.spec.title, "description": question.spec.description}
    text = decoded(read_bytes(question.file))
    for name, value in now.items():
        if value != before[name]:
            try:
                text = YamlFile.parse(text).with_text(name, value)
            except YamlInvalid as problem:
                left.append(str(problem))
            else:
                files[question.file] = text
    if live["query"]["native"] != declared["query"]["native"]:
        sql = _own_sql(question, reports, declared["query"]["native"], live["query"])
        if sql is None:
            left.append("the part of the query that reads the views and applies the filters")
        else:
            files[question.sql_file] = f"{sql}\n"
    return Export(question.name, files, tuple(left))


def _own_sql(
    question: LoadedQuestion, reports: Reports, declared: str, live: Mapping[str, Any]
) -> str | None:
    """Return the question's own SQL behind a changed query; None where more was changed."""
    own = with_tags(question.sql, reports.filters)
    common = sum(
        1
        for _ in takewhile(
            lambda pair: pair[0] == pair[1], zip(own[::-1], declared[::-1], strict=False)
        )
    )
    before = declared[: len(declared) - common]
    if not live["native"].startswith(before):
        return None
    changed = own[: len(own) - common] + live["native"][len(before) :]
    return sql_of(changed, reports.filters, question.spec.parameters).rstrip()
