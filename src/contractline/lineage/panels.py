"""Which questions the YAML files under reports/ name: panels of dashboards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.paths import Steps
from contractline.contracts.yamlfile import YamlFile, YamlInvalid
from contractline.finding import TOP

_NAMING = frozenset({"question", "questions", "panel", "panels", "sql", "query", "file"})
"""Names in YAML whose value is, or holds, a question."""

_TITLES = ("title", "name", "id")


@dataclass(frozen=True, slots=True)
class LineagePanel:
    """A place that shows a question.

    Attributes:
        name: what it is called there.
        file: the YAML file.
        line: the line that names the question.
        question: the question's file.
    """

    name: str
    file: Path
    line: int
    question: Path


def panels(reports: Path) -> tuple[tuple[LineagePanel, ...], tuple[tuple[Path, int, str], ...]]:
    """Return the panels under a folder, and the files that could not be read with line and reason.

    A question is named by its file without `.sql`: from the folder on, or by its last part. The
    YAML beside a question of the same name describes it and is not a panel.
    """
    questions = {
        name: file
        for file in sorted(reports.rglob("*.sql"))
        for name in (file.stem, file.relative_to(reports).with_suffix("").as_posix())
    }
    found: list[LineagePanel] = []
    unread: list[tuple[Path, int, str]] = []
    for file in sorted((*reports.rglob("*.yaml"), *reports.rglob("*.yml"))):
        try:
            document = YamlFile.parse(decoded(read_bytes(file)))
        except (FileUnreadable, YamlInvalid) as problem:
            unread.append((file, (problem.position or TOP).line, str(problem)))
            continue
        found += (
            LineagePanel(
                _title(document.data, steps) or file.stem,
                file,
                (document.position(steps) or TOP).line,
                one,
            )
            for steps, value in _texts(document.data, ())
            if (one := questions.get(value.removesuffix(".sql"))) is not None
            and _NAMING & set(steps[-2:])
            and one.with_suffix("") != file.with_suffix("")
        )
    return tuple(found), tuple(unread)


def _texts(node: Any, steps: Steps) -> Iterator[tuple[Steps, str]]:
    if isinstance(node, str):
        yield steps, node
    elif isinstance(node, Mapping):
        for name, value in node.items():
            yield from _texts(value, (*steps, str(name)))
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _texts(value, (*steps, position))


def _title(data: Any, steps: Steps) -> str:
    """Return the title nearest to a place, on the way up."""
    path = [data]
    for step in steps[:-1]:
        path.append(path[-1][step])
    for node in reversed(path):
        for name in _TITLES if isinstance(node, Mapping) else ():
            if isinstance(node.get(name), str):
                return str(node[name])
    return ""
