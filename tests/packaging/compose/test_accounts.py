"""The accounts of ClickHouse are the same in compose and in the local stack."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from contractline.server.config import reader, render_users, reports, writer
from tests.packaging.compose.conftest import COMPOSE

FILE = COMPOSE / "clickhouse" / "users.d" / "contractline.xml"
ACCOUNTS = {"writer": writer, "reader": reader, "reports": reports}


def rights(document: ET.Element, name: str) -> tuple[set[str], dict[str, str]]:
    """Return what an account is granted, and the settings of its profile."""
    profile = document.findtext(f"users/{name}/profile")
    settings = {e.tag: str(e.text) for e in document.findall(f"profiles/{profile}/*")}
    return {str(e.text) for e in document.findall(f"users/{name}/grants/query")}, settings


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_has_the_same_rights_and_settings(name: str) -> None:
    ours = ET.fromstring(render_users([ACCOUNTS[name]("a password")]))

    assert rights(ours, name) == rights(ET.parse(FILE).getroot(), name)


def test_compose_has_no_other_accounts() -> None:
    users = ET.parse(FILE).findall("users/*")

    assert {user.tag for user in users if not user.attrib} == set(ACCOUNTS)
