"""The ClickHouse server that the local stack and the proof run: fetched, configured, started.

It is the server code inside ``libchdb.so``, a shared library that npm packages carry.
"""
