"""The configuration that the services get, and the variables that clients get."""

from __future__ import annotations

import shlex
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from contractline.cli.env import render as render_exports
from contractline.project import Project
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

PASSWORDS = Passwords(postgres="p/1", replication="r-2", clickhouse="c-3")


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
    assert config["plugin.path"] == "/runtime/plugins"


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


def test_the_engine_gets_a_password_file_for_the_owner_only(site: Site):
    command = clickhouse.CLICKHOUSE.command(site)

    file = Path(command.argv[command.argv.index("--password-file") + 1])
    assert file.read_text() == "c-3"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "c-3" not in command.argv


def test_a_binary_on_the_path_is_used_instead(site: Site, tmp_path: Path):
    binary = tmp_path / "bin" / "clickhouse"
    binary.parent.mkdir()
    binary.write_text("")
    binary.chmod(0o755)
    with_binary = replace(site, environment={"PATH": str(binary.parent)})

    command = clickhouse.CLICKHOUSE.command(with_binary)

    assert command.argv[:2] == (str(binary), "server")
    assert clickhouse.CLICKHOUSE.shown_version(with_binary) == "server on PATH"
    assert clickhouse.CLICKHOUSE.shown_version(site) == clickhouse.CLICKHOUSE.version


def test_a_real_server_listens_on_loopback_and_wants_the_password():
    text = clickhouse.render_server(Path("/data & more"), 18123, "c-3")

    config = ElementTree.fromstring(text)
    assert config.findtext("listen_host") == "127.0.0.1"
    assert config.findtext("http_port") == "18123"
    assert config.findtext("path") == "/data & more/"
    assert config.find("tcp_port") is None
    assert config.findtext("users/default/password_sha256_hex")
    assert config.findtext("users/default/networks/ip") == "127.0.0.1"
    assert "c-3" not in text
    assert config.findtext("kafka/consumer/group_instance_id")


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
