"""What values of options may look like."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime


def whole(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def positive(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def day(text: str) -> datetime:
    """Read a day; it begins at midnight UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"{text} is not a day such as 2026-01-05") from problem


def moment(text: str) -> datetime:
    """Read a day, or a time of a day with its zone (UTC when it has none)."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(
            f"{text} is not a time such as 2026-01-05 or 2026-01-05T12:00:00Z"
        ) from problem
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def share(text: str) -> float:
    """Read a share above 0 and at most 1: ``50%`` or ``0.5``."""
    number = text.removesuffix("%")
    try:
        value = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share such as 50%")
    return value
