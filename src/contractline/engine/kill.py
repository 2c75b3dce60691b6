"""KILL QUERY as clients mean it: by the ids that they gave their queries, and without waiting."""

from __future__ import annotations

from collections.abc import Callable

from contractline.engine.session import quote
from contractline.engine.sql import tokens


def without_waiting(sql: bytes, engine_id: Callable[[str], str | None]) -> bytes:
    """Rewrite a KILL statement for the engine.

    Its SYNC would never return, and it knows queries by ids of its own.

    Args:
        sql: the statement.
        engine_id: gives the engine's id of a query that a client knows by another.
    """
    for token in reversed(list(tokens(sql))):
        new = None
        if (token.kind, token.text) == ("word", "SYNC"):
            new = "ASYNC"
        elif token.kind == "string" and (found := engine_id(token.text[1:-1])):
            new = quote(found)
        if new:
            sql = sql[: token.start] + new.encode() + sql[token.end :]
    return sql
