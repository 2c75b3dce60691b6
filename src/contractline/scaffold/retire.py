"""Taking a stream out of a checkout: its files move aside, and nothing that stays builds on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from contractline.clickhouse.ddl import INGESTION, STREAMS
from contractline.contracts.captured import INDEX, load_capture, schema_file
from contractline.contracts.load import load_drafts
from contractline.contracts.model import Contract, PostgresSource
from contractline.contracts.waivers import FOLDER, WHOLE, agreed_text
from contractline.debezium.config import heartbeat_of, streams_of
from contractline.debezium.files import connector_names, connector_template
from contractline.errors import ContractlineError
from contractline.gate.base import Base, opened_base
from contractline.lineage.lineage import lineage_of
from contractline.project import Project
from contractline.scaffold.table_sql import is_made_from_table
from contractline.targets.retire import takes_connector_along

WAIVER = "CONTRACT_KEPT"


class StillRead(ContractlineError):
    """When what people wrote reads the tables of a stream."""

    def __init__(self, stream: str, places: list[str]) -> None:
        super().__init__(
            f"{stream} is still read: {', '.join(places)}",
            hint="take it out of these first; nothing was changed",
        )


class PlaceTaken(ContractlineError):
    """When the folder into which the files of a stream shall move is there already."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} exists already", hint="name another one with --to")


class NotRetirable(ContractlineError):
    """When a stream is the machinery's own."""

    def __init__(self, stream: str) -> None:
        super().__init__(
            f"{stream} belongs to the machinery, which needs it", hint="retire a stream of yours"
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """What a checkout loses with a stream.

    Attributes:
        contracts: those that go: the stream's, and that of the heartbeats of its connector.
        moved: files and folders that move aside.
        written: files that say something else afterwards, with their texts.
    """

    contracts: tuple[Contract, ...]
    moved: tuple[Path, ...]
    written: Mapping[Path, str]


def refuse_read(project: Project, contract: Contract) -> None:
    """Refuse to retire a stream whose tables a view, a dictionary or a question reads.

    Raises:
        StillRead: one does.
    """
    sink = contract.sink
    if sink is None:
        return
    own = {sink.current, sink.history, f"{INGESTION}.{contract.name}"}
    generated = project.ddl / STREAMS / f"{contract.name}.sql"
    places = [
        f"{part.kind} {part.name} ({part.file.relative_to(project.root)}:{part.line})"
        for part in lineage_of(project, {}).parts
        if part.file != generated
        and own & {*part.query.relations, *(table for table, _ in part.query.reads)}
    ]
    if places:
        raise StillRead(contract.name, places)


def removal(project: Project, contract: Contract, contracts: list[Contract]) -> Removal:
    """Return what retiring a stream takes out of its checkout.

    The SQL that creates a captured table goes where it was read from the database; a file that
    people wrote stays, and so does what was captured of it. With its last table a connector goes.
    """
    name = contract.name
    gone = [contract]
    moved = [project.ddl / STREAMS / f"{name}.sql"]
    moved.append(project.root / "tests" / "cases" / "streams" / f"{name}.jsonl")
    source, capture = contract.source, load_capture(project)
    files: set[Path] = set()
    topics: set[str] = set()
    if isinstance(source, PostgresSource):
        left = [one for one in contracts if one.name != name]
        known = capture.index.keys if capture.index else {}
        templates = {one: connector_template(project, one) for one in connector_names(project)}
        prefixes = {one: f"{template['topic.prefix']}." for one, template in templates.items()}
        if takes_connector_along(contract, left):
            files.add(project.connectors / f"{source.connector}.json")
            topics |= {topic for topic in known if topic.startswith(prefixes[source.connector])}
            beat = heartbeat_of(left, source.connector, templates[source.connector])
            gone += [beat] if beat else []
        creator = capture.creator(source.table)
        is_shared = any(stream.source.table == source.table for stream in streams_of(left))
        if creator and is_made_from_table(creator.text) and not is_shared:
            files.add(creator.file)
            topics |= {f"{prefix}{source.table}" for prefix in prefixes.values()}
    moved += [one.folder for one in gone] + list(files)
    moved += [schema_file(project, f"{t}-{part}") for t in topics for part in ("key", "value")]
    written = {}
    if capture.index and (files or topics):
        places = {file.relative_to(project.root).as_posix() for file in files}
        index = replace(
            capture.index,
            made_from={k: v for k, v in capture.index.made_from.items() if k not in places},
            keys={k: v for k, v in capture.index.keys.items() if k not in topics},
        )
        written[project.captured / INDEX] = index.text
    return Removal(tuple(gone), tuple(sorted(path for path in moved if path.exists())), written)


def carry_out(project: Project, found: Removal, aside: Path) -> Iterator[tuple[Path, Path]]:
    """Move the files of a stream aside, yielding from where and to where.

    Raises:
        PlaceTaken: the folder is there already.
    """
    if aside.exists():
        raise PlaceTaken(aside)
    for file, text in found.written.items():
        file.write_text(text, encoding="utf-8")
    for path in found.moved:
        target = aside / path.relative_to(project.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
        yield path, target


def is_released(project: Project, stream: str, environment: Mapping[str, str]) -> bool:
    """Tell whether the commit where this branch began holds a released version of a stream."""
    with opened_base(project, load_drafts(project), None, environment) as base:
        drafts = base.drafts if isinstance(base, Base) else ()
        return any(one.name == stream and one.newest_number("value") for one in drafts)


def agree(contract: Contract, author: str, today: date, *, moved_to: str) -> Path:
    """Write the waiver by which a released contract may go; return its file."""
    reason = f"The stream is retired; its contract and its schemas are in {moved_to}."
    text = agreed_text(WHOLE, reason, author, "Nobody reads it any more.", today)
    file = contract.folder / FOLDER / f"{WAIVER}.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return file
