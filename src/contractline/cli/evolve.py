"""``contractline evolve``: let the stream of a captured table follow the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from contractline.avro.schema import Schema
    from contractline.contracts.draft import Draft
    from contractline.debezium.types import PostgresColumn
    from contractline.finding import Finding
    from contractline.project import Project
    from contractline.scaffold.evolve import Evolution
    from contractline.scaffold.table_sql import LiveTable


@click.command()
@click.argument("stream")
@click.option("--without", default="", help="Columns that shall not be in the stream: a,b.")
@click.pass_obj
def command(invocation: Invocation, stream: str, without: str) -> int:
    """Let STREAM follow its table in PostgreSQL.

    Reads the table from POSTGRES_DSN, says what differs from the contract (added, dropped, renamed,
    other type, default, nullability, order), and writes what follows: the SQL of the table, what
    Debezium makes of it (about 20 s), the schema, the descriptions, the next version and the tables.
    Where the versions can't keep the contract's compatibility level, it takes the strongest that
    they keep and agrees to it in a waiver. Nothing is written when a rule speaks against the result.

    Exit code 0 when the contract holds the table, 1 when a rule speaks against it, 2 when it could
    not be done.
    """
    from contractline.cli.new import author
    from contractline.contracts.load import ContractUnknown, load_contracts, load_drafts
    from contractline.debezium.source import connected
    from contractline.scaffold.evolve import source_of
    from contractline.scaffold.from_table import refuse_unpublished
    from contractline.scaffold.table_sql import live_table
    from contractline.scaffold.write import scratch
    from contractline.settings import Endpoints

    project = invocation.project
    owners = {contract.name: contract.owner for contract in load_contracts(project)}
    drafts = load_drafts(project)
    draft = next((draft for draft in drafts if draft.name == stream), None)
    if draft is None:
        raise ContractUnknown(stream, [draft.name for draft in drafts])
    name = source_of(draft).table
    with connected(Endpoints.load(project)) as database:
        live = live_table(database, name)
        columns = database.tables([name])[name].columns
    refuse_unpublished(live)
    who = author(project, owners[stream])
    left_out = {part.strip() for part in without.split(",") if part.strip()}
    with scratch(project) as copy:
        return _evolved(project, copy, stream, live, columns, left_out, who)


def _evolved(
    project: Project,
    copy: Project,
    stream: str,
    live: LiveTable,
    columns: Sequence[PostgresColumn],
    left_out: set[str],
    who: str,
) -> int:
    """Make the evolved stream in a copy of the checkout, and take over what came out."""
    from datetime import UTC, datetime

    from contractline.contracts.load import load_drafts
    from contractline.scaffold.evolve import evolution, other_ways

    draft = next(draft for draft in load_drafts(copy) if draft.name == stream)
    captured, made = _captured(copy, draft, live, columns)
    fields = [field for field in captured.fields if field["name"] not in left_out]
    captured = type(captured)(captured.definition | {"fields": fields}, captured.where)
    today = datetime.now(UTC).date()
    evolved = evolution(draft, live, captured, author=who, today=today)
    if not evolved.words:
        click.echo(f"{stream}: the contract holds {live.name} as it is")
        return 0
    for words in evolved.words:
        click.echo(f"  {words}")
    written, findings = write_evolution(copy, draft, evolved, today=today)
    _show(findings, copy)
    if not written:
        click.echo(f"{stream} stays as it is: nothing is written")
        for column in evolved.retyped:
            for way in other_ways(live.name, column):
                click.echo(f"  {way}")
        return 1
    return _taken_over(project, copy, stream, evolved, [*made, *written])


def _captured(
    copy: Project, draft: Draft, live: LiveTable, columns: Sequence[PostgresColumn]
) -> tuple[Schema, list[Path]]:
    """Return what Debezium makes of the table as it is, and the files of connect/ that say so."""
    from contractline.cli._capture import captured
    from contractline.contracts.captured import load_capture
    from contractline.contracts.load import load_contracts
    from contractline.debezium.capture import SqlBroken, contract_keys
    from contractline.debezium.types import differences, fields_of
    from contractline.scaffold.evolve import followed
    from contractline.scaffold.from_table import TableNotRebuilt, sql_file, without_foreign
    from contractline.scaffold.write import write_texts

    topic = draft.pipeline.topic.name
    before = load_capture(copy)
    creator = before.creator(live.name)
    file = creator.file if creator else sql_file(copy, live.name)
    schema = before.schema(topic, "value") or draft.value
    text = followed(creator.text, live, columns, schema) if creator else live.text
    file.write_text(text, encoding="utf-8")
    try:
        found = captured(copy, contract_keys(load_contracts(copy))).files
    except SqlBroken as problem:
        raise TableNotRebuilt(live, problem.problem) from problem
    write_texts(found)
    value = without_foreign(load_capture(copy).schemas[f"{topic}-value"], live)
    named = {field["name"] for field in value.fields}
    wanted = [field for field in fields_of(columns) if field["name"] in named]
    made = [field for field in value.fields if not field["name"].startswith("__")]
    if other := differences(live.name, wanted, file.name, made):
        raise TableNotRebuilt(live, "; ".join(one.words for one in other))
    # The SQL of a table that is somebody else's is not the checkout's to keep.
    return value, [file, *found] if creator else []


def write_evolution(
    copy: Project, draft: Draft, evolved: Evolution, *, today: date
) -> tuple[list[Path], Sequence[Finding]]:
    """Write the contract, its version and its tables into a copy of the checkout.

    Returns:
        The files, none where a rule speaks against it; and what the rules say.
    """
    from contractline.clickhouse.ddl import STREAMS, render
    from contractline.contracts.load import load_contract
    from contractline.contracts.release import plan_release, write
    from contractline.contracts.waivers import FOLDER
    from contractline.finding import errors
    from contractline.gate.check import check_contracts
    from contractline.rules.registry import MENDED_BY_RELEASE
    from contractline.scaffold.evolve import WAIVER

    draft.odcs_file.write_text(evolved.document, encoding="utf-8")
    draft.file("value").write_text(evolved.value.formatted, encoding="utf-8")
    files = [draft.odcs_file, draft.file("value")]
    if evolved.waiver:
        waiver = draft.folder / FOLDER / f"{WAIVER}.yaml"
        waiver.parent.mkdir(exist_ok=True)
        waiver.write_text(evolved.waiver, encoding="utf-8")
        files.append(waiver)
    found = check_contracts(copy, today=today).findings
    findings = [f for f in found if f.subject == draft.name and f.rule not in MENDED_BY_RELEASE]
    if errors(findings):
        return [], findings
    release = plan_release(load_contract(draft.folder), "Follows the table.")
    write(release)
    files += [file for file, _ in release.files if file not in files]
    if text := render(load_contract(draft.folder).complete):
        table = copy.ddl / STREAMS / f"{draft.name}.sql"
        table.write_text(text, encoding="utf-8")
        files.append(table)
    return files, findings


def _show(findings: Sequence[Finding], copy: Project) -> None:
    from contractline.cli._findings import show

    show([f for f in findings if not f.rule.startswith("WAIVER_")], copy.root)


def _taken_over(
    project: Project, copy: Project, stream: str, evolved: Evolution, files: Sequence[Path]
) -> int:
    from contractline.catalog.pages import catalog
    from contractline.catalog.render import NAME, markdown
    from contractline.finding import shown_path
    from contractline.scaffold.evolve import meaning
    from contractline.scaffold.write import carry_over

    for file in carry_over(copy, project, files):
        click.echo(f"  wrote {shown_path(file, project.root)}")
    page = project.docs / NAME
    if page.is_file():
        page.write_text(markdown(catalog(project)), encoding="utf-8")
        click.echo(f"  wrote {shown_path(page, project.root)}")
    if evolved.level:
        click.echo(
            f"the contract promises {evolved.level} from now on: {meaning(evolved.level)}; the"
            " waiver COMPATIBILITY_KEPT.yaml says why, and who agreed: look it through"
        )
    click.echo(f"describe new columns in contracts/{stream}/contract.odcs.yaml, then")
    click.echo("  contractline check")
    click.echo("  contractline apply")
    return 0
