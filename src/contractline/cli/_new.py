"""Making a stream from where its records come from, and saying what was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from contractline.cli._capture import captured
from contractline.cli._findings import show
from contractline.contracts.captured import load_capture
from contractline.contracts.model import Contract
from contractline.debezium.capture import Keys, SqlBroken, contract_keys
from contractline.debezium.source import connected
from contractline.finding import counted, shown_path
from contractline.project import Project
from contractline.scaffold import from_records, from_table
from contractline.scaffold.blueprint import Blueprint
from contractline.scaffold.connector import own_connector
from contractline.scaffold.table_sql import LiveTable, live_table
from contractline.scaffold.write import (
    Established,
    carry_over,
    establish,
    scratch,
    write_texts,
)
from contractline.settings import Endpoints

CASES = Path("tests") / "cases" / "streams"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What somebody wants.

    Attributes:
        project: the checkout.
        name: the stream's name.
        key: the fields of its key; none where there is none, or the table has its own.
        owner: who answers for it.
        database: the ClickHouse database.
    """

    project: Project
    name: str
    key: Sequence[str]
    owner: str
    database: str


def stream_from_file(wish: StreamRequest, file: Path) -> int:
    """Make a stream from a sample or a schema; return the exit code."""
    beside: dict[Path, str] = {}
    if file.suffix == ".avsc":
        value = from_records.schema_of(file)
    else:
        sample = from_records.Sample.read(file, wish.name)
        if findings := sample.findings(wish.name):
            show(findings, Path.cwd())
            click.echo(f"{wish.name} is not made: {counted(findings)}")
            return 1
        value = sample.value(wish.name)
        if (wish.project.root / CASES.parent).is_dir():
            case = wish.project.root / CASES / f"{wish.name}.jsonl"
            beside[case] = "".join(f"{line}\n" for line in sample.first)
    plan = from_records.blueprint(
        wish.name, value, wish.key, owner=wish.owner, database=wish.database, origin=file.name
    )
    established = establish(wish.project, plan, f"Made from {file.name}.", beside)
    return _tell(wish.project, plan, established, established.files, root=wish.project.root)


def stream_from_table(
    wish: StreamRequest,
    name: str,
    connector: str | None,
    contracts: Sequence[Contract],
    *,
    has_own_connector: bool,
) -> int:
    """Make a stream from a table of PostgreSQL; return the exit code."""
    connector = from_table.connector_for(wish.project, connector)
    beside = own_connector(wish.project, wish.name, connector) if has_own_connector else {}
    connector = wish.name if has_own_connector else connector
    name = from_table.qualified(name)
    from_table.refuse_taken(name, connector, contracts)
    with connected(Endpoints.load(wish.project)) as database:
        live = live_table(database, name)
    from_table.refuse_unpublished(live)
    keys = {**contract_keys(contracts), (connector, name): from_table.key_of(live, wish.key)}
    with scratch(wish.project) as copy:
        root = wish.project.root
        own = write_texts({copy.root / f.relative_to(root): text for f, text in beside.items()})
        made = _captured(copy, live, keys)
        capture = load_capture(copy)
        topic = from_table.topic_of(copy, connector, name)
        for words in from_table.left_out(live, capture, topic):
            click.secho(f"left out: {words}", fg="yellow")
        for words in from_table.losses(live, capture, topic):
            click.secho(f"not as it is: {words}", fg="yellow")
        plan = from_table.blueprint(
            wish.name,
            live,
            capture,
            project=copy,
            connector=connector,
            owner=wish.owner,
            database=wish.database,
        )
        established = establish(copy, plan, f"Made from {name}.", {})
        files = () if established.is_refused else (*own, *made, *established.files)
        carried = carry_over(copy, wish.project, files)
        return _tell(wish.project, plan, established, carried, root=copy.root)


def _captured(copy: Project, live: LiveTable, keys: Keys) -> list[Path]:
    """Bring connect/ up to a table: the SQL that creates it, and what Debezium makes of it."""
    is_new = load_capture(copy).creator(live.name) is None
    written = write_texts({from_table.sql_file(copy, live.name): live.text} if is_new else {})
    try:
        found = captured(copy, keys).files
    except SqlBroken as problem:
        if problem.file in written:
            raise from_table.TableNotRebuilt(live, problem.problem) from problem
        raise
    return [*written, *write_texts(found)]


def _tell(
    project: Project,
    plan: Blueprint,
    established: Established,
    files: Sequence[Path],
    *,
    root: Path,
) -> int:
    show(established.findings, root)
    if established.is_refused:
        click.echo(f"{plan.name} is not made: {counted(established.findings)}")
        return 1
    key = ", ".join(field["name"] for field in plan.key.fields) if plan.key else "none"
    lands = plan.clickhouse["current"] if plan.clickhouse else "nowhere"
    click.echo(
        f"{plan.name}: {len(plan.values[-1].fields)} fields, key {key}; topic"
        f" {plan.topic['name']}, table {lands}, owner {plan.owner}"
    )
    for file in files:
        click.echo(f"  wrote {shown_path(file, project.root)}")
    click.echo("look through it before it is applied:")
    for words in _review(plan):
        click.echo(f"  - {words}")
    is_table = plan.source["kind"] == "postgres"
    feed = "" if is_table else f", `contractline produce {plan.name} FILE.jsonl`"
    click.echo(f"next: `contractline generate`, commit it, `contractline apply`{feed}")
    return 0


def _review(plan: Blueprint) -> Iterator[str]:
    yield "purpose and descriptions say only what could be seen: write what is meant"
    yield "mark personal data with `classification: pii` in contract.odcs.yaml"
    is_table = plan.source["kind"] == "postgres"
    if not is_table and (doubles := _doubles(plan.values[-1].definition)):
        yield (
            f"{', '.join(doubles)}: a double, which holds most decimal fractions only nearly; money is"
            ' exact as {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2} in an'
            " .avsc, and a type can't change later"
        )
    if plan.key is not None:
        yield "the key and the order of its fields can never change"
    elif is_table:
        yield (
            "without a key an update leaves its old row in ClickHouse, and equal rows count once:"
            " name one with --key where there is any, it can't be added later"
        )
    else:
        yield "without a key no record replaces another, and a key can't be added later"
    if plan.key is not None and not is_table:
        yield f"partitions ({plan.topic['partitions']}) can't grow once there are records"


def _doubles(node: Any, name: str = "") -> list[str]:
    """Return the fields that hold doubles, by their names from the outermost on."""
    if isinstance(node, list):
        return [one for branch in node for one in _doubles(branch, name)]
    if not isinstance(node, dict):
        return [name] if node in ("double", "float") else []
    if node["type"] != "record":
        inner = node.get("items") or node.get("values") or node["type"]
        return _doubles(inner, name)
    return [
        one
        for field in node["fields"]
        for one in _doubles(field["type"], f"{name}.{field['name']}".lstrip("."))
    ]
