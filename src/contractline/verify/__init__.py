"""Holds the rows of a PostgreSQL table against those that ClickHouse holds of it.

Each side makes the same text of a row (:mod:`texts`) and counts and hashes these by ranges of the key
(:mod:`sides`); only ranges that differ are read row by row, and what changes meanwhile is looked at
again until both sides agree or a difference is certain (:mod:`compare`).
"""
