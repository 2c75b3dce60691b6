"""The configuration that the services get, and the variables that clients get."""

from __future__ import annotations

import hashlib
import shlex
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from contractline.cli.env import render as render_exports
from contractline.project import Project
from contractline.server.config import render_config
from contractline.stack.layout import Layout
from contractline.stack.passwords import Passwords
from contractline.stack.ports import Ports
from contractline.stack.services import (
    clickhouse,
    connect,
    default_ports,
    dependents,
    kafka,
    own_exports,
    shown_url,
    table,
)
from contractline.stack.services.base import Site, properties
from contractline.stack.startup import StartupCaches

PASSWORDS = Passwords(
    postgres="p/1",
    replication="r-2",
    clickhouse="c-3",
    clickhouse_writer="w-4",
    clickhouse_reader="r-5",
    clickhouse_reports="r-6",
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    layout = Layout(tmp_path / ".contractline")
    layout.create()
    (tmp_path / "connect").mkdir()
    (tmp_path / "connect" / "worker.properties").write_text("group.id=g\n")
    return Site(
        project=Project(tmp_path),
        layout=layout,
        runtime=Path("/runtime"),
        java=Path("/java"),
        startup=StartupCaches(tmp_path / "startup"),
        ports=Ports.load(layout.ports, {**default_ports(table()), "clickhouse": 18123}),
        passwords=PASSWORDS,
        environment={"PATH": ""},
        external={},
        tell=lambda service, text: None,
    )


def parsed(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_broker_listens_on_loopback_only():
    config = parsed(kafka.render(Path("/data"), 1, 2))

    assert config["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert config["controller.quorum.voters"] == "1@127.0.0.1:2"
    assert config["auto.create.topics.enable"] == "false"


def test_other_letters_are_escaped_as_java_reads_them():
    assert properties({"log.dirs": "/дом/a\\b"}) == "log.dirs=/\\u0434\\u043e\\u043c/a\\\\b\n"


def test_the_worker_keeps_what_all_installations_share(site: Site):
    connect.CONNECT.command(site)

    config = parsed((site.layout.config / "connect.properties").read_text())
    assert config["group.id"] == "g"
    assert config["bootstrap.servers"] == "127.0.0.1:19092"
    assert config["listeners"] == "http://127.0.0.1:18083"
    assert config["plugin.path"] == str(site.layout.state / "plugins")


def test_secrets_reach_connect_through_its_environment_only(site: Site):
    command = connect.CONNECT.command(site)

    assert command.environment["POSTGRES_REPLICATION_PASSWORD"] == "r-2"
    assert command.environment["POSTGRES_DATABASE"] == "github-processing-project"
    assert command.environment["SCHEMA_REGISTRY_URL"].endswith("/apis/ccompat/v7")
    assert "r-2" not in (site.layout.config / "connect.properties").read_text()
    assert not any("r-2" in argument for argument in command.argv)


def test_a_dsn_is_taken_apart():
    assert connect.postgres_parts("postgresql://u:p@db.example.org/my%2Fbase") == {
        "POSTGRES_HOST": "db.example.org",
        "POSTGRES_PORT": "5432",
        "POSTGRES_DATABASE": "my/base",
    }


def test_the_server_knows_hashes_of_passwords_only(site: Site):
    command = clickhouse.CLICKHOUSE.command(site)

    config = ElementTree.parse(command.argv[command.argv.index("--config") + 1])
    users = Path(config.findtext("users_config", ""))
    assert users.stat().st_mode & 0o777 == 0o600
    assert not any("c-3" in text for text in (*command.argv, users.read_text()))
    hashes = {user.tag: user.findtext("password_sha256_hex") for user in _users(users)}
    assert hashes.pop("default") is None
    assert hashes == {
        name: hashlib.sha256(password.encode()).hexdigest()
        for name, password in [
            ("admin", "c-3"),
            ("writer", "w-4"),
            ("reader", "r-5"),
            ("reports", "r-6"),
        ]
    }


def test_the_account_without_a_password_may_only_start_the_listeners(site: Site):
    clickhouse.CLICKHOUSE.command(site)

    [starter] = [
        u for u in _users(site.layout.config / "clickhouse-users.xml") if u.tag == "default"
    ]
    assert [e.text for e in starter.findall("grants/query")] == ["GRANT SYSTEM LISTEN ON *.*"]
    assert [e.text for e in starter.findall("networks/ip")] == ["127.0.0.1"]


def _users(file: Path) -> list[ElementTree.Element]:
    return list(ElementTree.parse(file).findall("users/*"))


def with_program(site: Site, folder: Path, script: str) -> Site:
    """Return the site with a program named clickhouse first on PATH."""
    program = folder / "bin" / "clickhouse"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return replace(site, environment={"PATH": str(program.parent)})


def test_a_clickhouse_on_the_path_is_used_instead(site: Site, tmp_path: Path):
    found = with_program(site, tmp_path, "echo 'ClickHouse server version 26.7.2.59.'")

    command = clickhouse.CLICKHOUSE.command(found)

    assert command.argv[:2] == (str(tmp_path / "bin" / "clickhouse"), "server")
    assert clickhouse.CLICKHOUSE.shown_version(found) == "server on PATH"
    assert clickhouse.CLICKHOUSE.shown_version(site) == clickhouse.CLICKHOUSE.version
    users = _users(site.layout.config / "clickhouse-users.xml")
    assert [user.tag for user in users] == ["admin", "writer", "reader", "reports"]


@pytest.mark.parametrize(
    "script", ["exit 127", "echo 'ClickHouse server'; exit 1", "echo something else", "kill -9 $$"]
)
def test_a_clickhouse_on_the_path_that_does_not_answer_is_not_used(
    site: Site, tmp_path: Path, script: str
):
    broken = with_program(site, tmp_path, script)

    command = clickhouse.CLICKHOUSE.command(broken)

    assert "contractline.server" in command.argv


def test_the_server_listens_on_loopback_and_reads_what_was_escaped():
    config = ElementTree.fromstring(
        render_config(Path("/data & more"), Path("/users"), 18123, 18124, "member")
    )

    assert config.findtext("listen_host") == "127.0.0.1"
    assert config.findtext("http_port") == "18123"
    assert config.findtext("tcp_port") == "18124"
    assert config.findtext("path") == "/data & more/"
    assert config.findtext("kafka/consumer/group_instance_id") == "member"


def test_exports_hold_credentials_and_addresses_shown_do_not(site: Site):
    services = table()
    exports = own_exports(services, site)

    assert exports["POSTGRES_DSN"] == (
        "postgresql://postgres:p%2F1@127.0.0.1:15432/github-processing-project"
    )
    assert exports["POSTGRES_REPLICATION_PASSWORD"] == "r-2"
    assert exports["SCHEMA_REGISTRY_URL"] == "http://127.0.0.1:18081/apis/ccompat/v7"
    assert "p%2F1" not in shown_url(services["postgres"], site)


def test_exports_are_quoted_for_a_shell():
    value = "it's $HOME; `x`"

    [_, assignment] = shlex.split(render_exports({"A": value}))

    assert assignment == f"A={value}"


def test_services_come_after_what_they_need():
    seen: set[str] = set()
    for name, service in table().items():
        assert set(service.needs) <= seen
        seen.add(name)


def test_who_needs_a_service_directly_or_not():
    assert dependents(table(), "postgres")[0] == "registry"
    assert "connect" in dependents(table(), "kafka")
    assert "connect" not in dependents(table(), "postgres")
