from __future__ import annotations

import json

import pytest

from contractline.errors import SettingInvalid
from contractline.project import Project
from contractline.settings import (
    OWN_VARIABLE,
    Endpoints,
    own_variables,
    without_own,
    without_password,
)

NAMES = [name.upper() for name in Endpoints.model_fields]


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".contractline").mkdir()
    return Project(tmp_path)


def stack(project: Project, **endpoints: str) -> None:
    (project.state / "endpoints.json").write_text(json.dumps(endpoints))


def test_nothing_is_known_without_a_stack(project):
    endpoints = Endpoints.load(project)
    assert set(endpoints.model_dump().values()) == {None}
    with pytest.raises(SettingInvalid, match="KAFKA_BOOTSTRAP_SERVERS: is not set") as caught:
        endpoints.need("kafka_bootstrap_servers")
    assert "contractline up" in caught.value.hint


def test_later_sources_win(project, monkeypatch):
    stack(project, KAFKA_BOOTSTRAP_SERVERS="stack:1", CONNECT_URL="http://s", POSTGRES_DSN="p:s")
    (project.root / "contractline.toml").write_text(
        'kafka_bootstrap_servers = "toml:1"\nconnect_url = "http://toml"\n'
    )
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "env:1")
    endpoints = Endpoints.load(project)
    assert endpoints.need("kafka_bootstrap_servers") == "env:1"
    assert endpoints.need("connect_url") == "http://toml"
    assert endpoints.need("postgres_dsn") == "p:s"


def test_an_empty_variable_is_none(project, monkeypatch):
    stack(project, KAFKA_BOOTSTRAP_SERVERS="stack:1")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "")
    assert Endpoints.load(project).need("kafka_bootstrap_servers") == "stack:1"


def test_what_a_stack_says_besides_is_ignored(project):
    stack(project, CONNECT_URL="http://s", SOMETHING_ELSE="x")
    assert Endpoints.load(project).need("connect_url") == "http://s"


@pytest.mark.parametrize("text", ["{", "\x00"])
def test_a_broken_file_of_the_stack_says_which(project, text):
    (project.state / "endpoints.json").write_text(text)
    with pytest.raises(SettingInvalid, match=r"endpoints\.json: can't be read"):
        Endpoints.load(project)


@pytest.mark.parametrize("text", ["kafka_bootstrap_servers = ", "kafka_bootstrap_servers = 5"])
def test_a_broken_settings_file_says_which(project, text):
    (project.root / "contractline.toml").write_text(text)
    with pytest.raises(SettingInvalid, match=r"contractline\.toml"):
        Endpoints.load(project)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@host:8123/db?x=1", "http://u:***@host:8123/db?x=1"),
        ("postgresql://u:p%40q@host/db", "postgresql://u:***@host/db"),
        ("http://host:8081", "http://host:8081"),
        ("http://u@host", "http://u@host"),
        ("http://u:@host", "http://u:***@host"),
    ],
)
def test_a_shown_address_has_no_password(url, shown):
    assert without_password(url) == shown


def test_what_the_own_stack_printed_is_not_another_installation(tmp_path):
    here, there = (Project(tmp_path / name) for name in ("here", "there"))
    printed = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:19092", "CONNECT_URL": "http://127.0.0.1:1"}
    shell = {**printed, **own_variables(here, printed), "PATH": "/bin"}
    assert set(without_own(here, shell)) == {"PATH", OWN_VARIABLE}
    assert without_own(there, shell) == shell
    changed = shell | {"CONNECT_URL": "http://connect.example.org"}
    assert "CONNECT_URL" in without_own(here, changed)
    assert "KAFKA_BOOTSTRAP_SERVERS" not in without_own(here, changed)
    assert all(
        value not in own_variables(here, printed)[OWN_VARIABLE] for value in printed.values()
    )


def test_a_secret_of_another_type_is_named_and_not_shown(project: Project) -> None:
    (project.root / "contractline.toml").write_text("metabase_password = 4711\n")
    with pytest.raises(SettingInvalid) as refused:
        Endpoints.load(project)
    assert str(refused.value).startswith("METABASE_PASSWORD")
    assert "4711" not in str(refused.value)
