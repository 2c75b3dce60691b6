"""``contractline release``: a changed working schema becomes the next version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from contractline.cli import Invocation

if TYPE_CHECKING:
    from pathlib import Path

    from contractline.contracts.draft import Draft
    from contractline.contracts.release import Release


@click.command()
@click.argument("stream")
@click.option(
    "--message", "-m", default="", help="Why it changed, for the contract's CHANGELOG.md."
)
@click.pass_obj
def command(invocation: Invocation, stream: str, message: str) -> int:
    """Release the working schema of STREAM as its next version.

    Writes versions/value.vN.avsc (and key.v1.avsc for a new stream), records it in
    versions/SHA256SUMS, sets the document's version, and says what changed in CHANGELOG.md.
    Exit code 0 when released or nothing changed, 1 when a rule without a waiver speaks against it.
    """
    from datetime import UTC, datetime

    from contractline.cli._findings import show
    from contractline.contracts.load import ContractUnknown, load_drafts
    from contractline.contracts.release import plan_release, write
    from contractline.finding import counted, errors
    from contractline.gate.check import check_contracts
    from contractline.rules.registry import MENDED_BY_RELEASE

    project = invocation.project
    root, drafts = project.root, load_drafts(project)
    draft = next((draft for draft in drafts if draft.name == stream), None)
    if draft is None:
        raise ContractUnknown(stream, [draft.name for draft in drafts])
    findings = [
        finding
        for finding in check_contracts(project, today=datetime.now(UTC).date()).findings
        if finding.subject == stream and finding.rule not in MENDED_BY_RELEASE
    ]
    show(findings, root)
    if errors(findings):
        click.echo(f"{stream} is not released: {counted(findings)}")
        return 1
    release = plan_release(draft, message)
    write(release)
    _report(draft, release, root)
    return 0


def _report(draft: Draft, release: Release, root: Path) -> None:
    from contractline.finding import shown_path

    if release.is_empty:
        newest = draft.versions("value")[-1]
        more = "" if newest.schema.text == draft.value.text else ", docs aside"
        click.echo(f"nothing to release: {draft.name}/value.avsc is v{newest.number}{more}")
        return
    if release.version is None:
        click.echo(f"{draft.name}: nothing changed; what was missing is recorded")
    else:
        click.echo(f"{draft.name} v{release.version} is released")
    for change in release.changes:
        click.echo(f"  {change}")
    for file, _ in release.files:
        click.echo(f"  wrote {shown_path(file, root)}")
    if release.version is not None:
        click.echo("next: `contractline generate`, commit it, `contractline apply`")
