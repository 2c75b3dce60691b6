"""Which hosts and ports an address names."""

from __future__ import annotations

import socket

import pytest

from contractline.settings import without_password
from contractline.stack.external import addresses, answers


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("kafka:9092", [("kafka", 9092)]),
        ("a:9092, b:9093,c", [("a", 9092), ("b", 9093), ("c", 9092)]),
        ("http://user:***@registry.example.org/apis/ccompat/v7", [("registry.example.org", 80)]),
        ("https://registry.example.org", [("registry.example.org", 443)]),
        ("http://[::1]:8123/?x=y", [("::1", 8123)]),
        ("postgresql://u:p@db/source", [("db", 5432)]),
        ("postgresql://u:p@db1:5433,db2:5434/source?x=1", [("db1", 5433), ("db2", 5434)]),
        ("host=db port=5433 password=***", [("db", 5433)]),
        ("host=a,b dbname=x", [("a", 5432), ("b", 5432)]),
        ("dbname=x", [("localhost", 5432)]),
        ("http://", []),
        ("host='unclosed", []),
        ("http://a:notaport", []),
    ],
)
def test_addresses(url, expected):
    assert list(addresses(url)) == expected


def test_something_listens_or_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert answers(f"http://127.0.0.1:{port}/x")
        assert answers(f"127.0.0.1:1,127.0.0.1:{port}")
    assert not answers(f"http://127.0.0.1:{port}/x")
    assert not answers("http://" + "x" * 300)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("host=db password=secret user=u", "host=db password=*** user=u"),
        (r"password='se cr\'et' host=db", "password=*** host=db"),
        ("postgresql://u:secret@db/x", "postgresql://u:***@db/x"),
        ("kafka:9092", "kafka:9092"),
    ],
)
def test_no_password_is_shown(dsn, shown):
    assert without_password(dsn) == shown
