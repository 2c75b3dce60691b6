"""Filters as options: each filter of reports/filters.yaml by its own name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from contractline.reports.load import Reports


class FilterPair(click.ParamType[tuple[str, str]]):
    """A name and a value, written ``name=value``."""

    name = "name=value"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, equals, text = value.partition("=")
        if not equals or not name:
            self.fail(f"`{value}` is not name=value", param, ctx)
        return name, text


def split(reports: Reports, arguments: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return what of the arguments is not an option, and the filters' values by name.

    Click knows no filter: it would take the value of an option for an argument.
    """
    plain: list[str] = []
    values: dict[str, list[str]] = {}
    rest = iter(arguments)
    for option in rest:
        if not option.startswith("--"):
            plain.append(option)
            continue
        name, equals, value = option.removeprefix("--").partition("=")
        name = name.replace("-", "_")
        if name not in reports.filters.filters:
            known = ", ".join(f"--{one.replace('_', '-')}" for one in reports.filters.filters)
            raise click.UsageError(f"`{option}` is not an option; filters: {known}")
        text = value if equals else next(rest, None)
        if text is None:
            raise click.UsageError(f"`{option}` needs a value")
        values.setdefault(name, []).append(text)
    if len(plain) > 1:
        raise click.UsageError(f"one question at a time, not {', '.join(plain)}")
    return plain, values
