from __future__ import annotations

from base64 import b64encode

import pytest

from contractline.engine.access import Access, has_credentials
from contractline.engine.errors import Code, QueryFailed

ACCESS = Access("default", "sécret:1")


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "options"),
    [
        (basic("default", "sécret:1"), {}),
        ({"x-clickhouse-user": "default", "x-clickhouse-key": "sécret:1"}, {}),
        ({"x-clickhouse-key": "sécret:1"}, {}),
        ({}, {"user": "default", "password": "sécret:1"}),
        ({}, {"password": "sécret:1"}),
    ],
)
def test_let_in(headers, options):
    ACCESS.check(headers, options)
    assert has_credentials(headers, options)


@pytest.mark.parametrize(
    ("headers", "options"),
    [
        ({}, {}),
        (basic("default", "wrong"), {}),
        (basic("other", "sécret:1"), {}),
        ({"authorization": "Bearer x"}, {}),
        ({"authorization": "Basic !"}, {}),
        ({}, {"user": "default"}),
        (basic("default", "sécret:1"), {"user": "default", "password": "sécret:1"}),
    ],
)
def test_kept_out(headers, options):
    with pytest.raises(QueryFailed) as refused:
        ACCESS.check(headers, options)
    assert refused.value.code == Code.AUTHENTICATION_FAILED
    assert "sécret" not in str(refused.value)
