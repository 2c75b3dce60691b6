"""``contractline rules``: the rules, and why each is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from contractline.rules.rule import Rule


@click.command()
@click.argument("rule_id", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(rule_id: str | None, as_json: bool) -> None:
    """List the rules, or show the one of an ID: the rule, the reason, a bad and a good example."""
    from contractline.rules.by_id import RULES, rule_named
    from contractline.rules.pages import text

    if rule_id is not None:
        rule = rule_named(rule_id)
        words = _dumped(_values(rule) | {"page": rule.page}) if as_json else text(rule).rstrip("\n")
        click.echo(words)
    elif as_json:
        click.echo(_dumped({"rules": [_values(rule) for rule in RULES]}))
    else:
        _list(RULES)


def _list(rules: tuple[Rule, ...]) -> None:
    from contractline.gate.reports.text import COLOURS

    width = max(len(rule.id) for rule in rules)
    for category in sorted({rule.category for rule in rules}):
        click.secho(category, bold=True)
        for rule in rules:
            if rule.category == category:
                severity = click.style(f"{rule.severity:<7}", fg=COLOURS[rule.severity])
                click.echo(f"  {rule.id:<{width}}  {severity}  {rule.summary}")
    click.echo(f"{len(rules)} rules; `contractline rules <ID>` shows one")


def _values(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "severity": rule.severity,
        "category": rule.category,
        "summary": rule.summary,
    }


def _dumped(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, indent=2)
