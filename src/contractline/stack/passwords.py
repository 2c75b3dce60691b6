"""The passwords of a checkout's stack: generated once, kept in its state folder."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from contractline.stack.layout import kept_json, write_private

BYTES = 24


@dataclass(frozen=True, slots=True, repr=False)
class Passwords:
    """One password for each account of the stack; ``clickhouse`` is that of its admin."""

    postgres: str
    replication: str
    clickhouse: str
    clickhouse_writer: str
    clickhouse_reader: str
    clickhouse_reports: str

    @classmethod
    def load(cls, file: Path) -> Passwords:
        """Return the passwords that a file keeps, making the ones that are missing.

        Raises:
            StateDamaged: the file holds none; the data know the old ones only.
        """
        kept = kept_json(file)
        names = cls.__dataclass_fields__
        passwords = cls(**{n: kept.get(n) or secrets.token_urlsafe(BYTES) for n in names})
        if asdict(passwords) != kept:
            write_private(file, json.dumps(asdict(passwords)))
        return passwords
