"""``contractline rules``: the rules, and why each is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from contractline.rules.rule import Law


@click.command()
@click.argument("rule", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(rule: str | None, as_json: bool) -> None:
    """List the rules, or show the one of an ID: the law, the reason, a bad and a good example."""
    from contractline.rules.laws import LAWS, law_named
    from contractline.rules.pages import text

    if rule is not None:
        law = law_named(rule)
        words = _dumped(_values(law) | {"page": law.page}) if as_json else text(law).rstrip("\n")
        click.echo(words)
    elif as_json:
        click.echo(_dumped({"rules": [_values(law) for law in LAWS]}))
    else:
        _list(LAWS)


def _list(laws: tuple[Law, ...]) -> None:
    from contractline.gate.reports.text import COLOURS

    width = max(len(law.id) for law in laws)
    for category in sorted({law.category for law in laws}):
        click.secho(category, bold=True)
        for law in laws:
            if law.category == category:
                severity = click.style(f"{law.severity:<7}", fg=COLOURS[law.severity])
                click.echo(f"  {law.id:<{width}}  {severity}  {law.law}")
    click.echo(f"{len(laws)} rules; `contractline rules <ID>` shows one")


def _values(law: Law) -> dict[str, Any]:
    return {
        "id": law.id,
        "severity": law.severity,
        "category": law.category,
        "law": law.law,
    }


def _dumped(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, indent=2)
