"""The numbers of Avro's decimals, to the last digit."""

from __future__ import annotations

from decimal import Context, Decimal

_EXACT = Context(prec=80)
"""More digits than any Decimal of ClickHouse has; Python's usual context keeps 28."""


def scaled(unscaled: int, scale: int) -> Decimal:
    """Return the number that an unscaled integer stands for, with so many digits behind the point."""
    return Decimal(unscaled).scaleb(-scale, _EXACT)
