"""What both stacks are made of, as comparable facts: what a thing is called, and its value.

The local stack's come from the services themselves, compose's from the model that Docker Compose
makes. Where one has a thing that the other has not, its value there is NOT_SET.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contractline.project import Project
from contractline.server.config import render_config
from contractline.stack import lock
from contractline.stack.layout import Layout
from contractline.stack.passwords import Passwords
from contractline.stack.ports import Ports
from contractline.stack.services import clickhouse, connect, default_ports, kafka, postgres, table
from contractline.stack.services.base import Site
from contractline.stack.services.clickhouse import CLICKHOUSE
from contractline.stack.services.connect import CONNECT
from contractline.stack.services.kafka import KAFKA
from contractline.stack.services.postgres import POSTGRES
from contractline.stack.services.registry import HEAP as REGISTRY_HEAP
from contractline.stack.services.registry import REGISTRY
from contractline.stack.startup import StartupCaches
from tests.packaging.compose.conftest import COMPOSE, ROOT, read_env

NOT_SET = "not set"
EMPTY = "nothing"
SECRET = "a generated password"
Facts = dict[str, str]
Model = Mapping[str, Any]

CLICKHOUSE_CONFIG = Path("clickhouse") / "config.d" / "contractline.xml"
# Of ClickHouse's configuration, what only says where things are, and who its users are.
_PLACES = re.compile(
    r"(listen_host|http_port|tcp_port|users_config|\w*path|profiles|quotas|users)\b"
)
PORTS = {
    "kafka": "KAFKA_PORT",
    "postgres": "POSTGRES_PORT",
    "registry": "REGISTRY_PORT",
    "connect": "CONNECT_PORT",
    "clickhouse": "CLICKHOUSE_PORT",
}
# Read by the image's own scripts and no property of Kafka.
_NOT_KAFKA = {"KAFKA_HEAP_OPTS"}


def local(folder: Path) -> Facts:
    """Return the facts of the local stack, rendered into an empty folder."""
    site = _site(folder)
    ports = default_ports(table())
    worker = connect.render(
        (ROOT / "connect" / "worker.properties").read_text(),
        KAFKA.own_url(site),
        ports["connect"],
        Path("the state folder/plugins"),
    )
    broker = kafka.render(Path("the state folder"), ports["kafka"], ports["kafka-controller"])
    jars = lock.read(lock.LOCK.read_text())
    return {
        "version of Kafka": KAFKA.version,
        "version of PostgreSQL": POSTGRES.version,
        "version of ClickHouse": CLICKHOUSE.version,
        "version of Kafka Connect": CONNECT.version,
        "version of Debezium": _version(jars, "debezium-connector-postgres"),
        "version of the Avro converter": _version(jars, "kafka-connect-avro-converter"),
        "registry": f"Apicurio Registry {REGISTRY.version}",
        "version of Apicurio Registry": REGISTRY.version,
        "heap of kafka": kafka.HEAP,
        "heap of connect": connect.HEAP,
        "name of the source database": postgres.DATABASE,
        "name of the replication role": postgres.REPLICATION_ROLE,
        "name of the superuser": postgres.SUPERUSER,
        "initdb": _initdb(postgres.INITDB),
        "ClickHouse's user of the pipeline": str(urlsplit(CLICKHOUSE.own_url(site)).username),
        **{f"port of {name}": str(number) for name, number in ports.items()},
        **_named("kafka", read_properties(broker)),
        **_named("postgres", postgres.SETTINGS),
        **_named("connect", read_properties(worker)),
        **_named("variable of connect", _shown(CONNECT.command(site).environment)),
        **_named(
            "clickhouse", _server(render_config(folder, folder, 0, None, clickhouse.GROUP_MEMBER))
        ),
        **_named("variable of apicurio", _shown(REGISTRY.command(site).environment)),
        "heap of apicurio": REGISTRY_HEAP,
    }


def composed(confluent: Model, apicurio: Model) -> Facts:
    """Return the facts of compose/."""
    services = confluent["services"]
    other = apicurio["services"]["registry"]
    env = read_env(COMPOSE / ".env.example")
    docker = (ROOT / "connect" / "Dockerfile").read_text()
    image = {name: _tag(s["image"]) for name, s in services.items() if "build" not in s}
    base = _found(r"FROM confluentinc/cp-kafka-connect:(\S+)", docker)
    heap = services["connect"]["environment"]["KAFKA_HEAP_OPTS"]
    worker = (ROOT / "connect" / "worker.properties").read_text()
    here = (COMPOSE / "connect" / "here.properties").read_text()
    database = services["postgres"]["environment"]
    variables = dict(services["connect"]["environment"])
    del variables["KAFKA_HEAP_OPTS"]
    apicurio_variables = dict(other["environment"])
    apicurio_heap = apicurio_variables.pop("JAVA_OPTS_APPEND")
    return {
        "version of Kafka": image["kafka"],
        "version of PostgreSQL": image["postgres"],
        # The package of the local stack counts its own patches.
        "version of ClickHouse": ".".join(image["clickhouse"].split(".")[:2]),
        "version of Kafka Connect": f"Confluent Platform {base}",
        "version of Debezium": _found(r"ARG DEBEZIUM_VERSION=(\S+)", docker),
        "version of the Avro converter": f"Confluent Platform {base}",
        "registry": f"Confluent Schema Registry {image['registry']}",
        "version of Apicurio Registry": _tag(other["image"]),
        "heap of kafka": services["kafka"]["environment"]["KAFKA_HEAP_OPTS"],
        "heap of connect": heap,
        "name of the source database": database["POSTGRES_DB"],
        "name of the replication role": services["init"]["environment"][
            "POSTGRES_REPLICATION_USER"
        ],
        "name of the superuser": _found(
            r"postgresql://(\w+):", services["init"]["environment"]["POSTGRES_DSN"]
        ),
        "initdb": _initdb(database["POSTGRES_INITDB_ARGS"].split()),
        "ClickHouse's user of the pipeline": _found(
            r"http://(\w+):", services["init"]["environment"]["CLICKHOUSE_URL"]
        ),
        **{f"port of {name}": env[variable] for name, variable in PORTS.items()},
        "port of metabase": env["METABASE_PORT"],
        **_named("kafka", _kafka(services["kafka"]["environment"])),
        **_named("postgres", _options(services["postgres"]["command"])),
        **_named("connect", read_properties(f"{worker}\n{here}")),
        **_named("variable of connect", _shown(variables)),
        **_named("clickhouse", _server((COMPOSE / CLICKHOUSE_CONFIG).read_text())),
        **_named("variable of apicurio", _shown(apicurio_variables)),
        "heap of apicurio": apicurio_heap,
    }


def differences(one: Facts, other: Facts) -> dict[str, tuple[str, str]]:
    """Return what differs: the value of each."""
    names = sorted(one.keys() | other.keys())
    pairs = {name: (one.get(name, NOT_SET), other.get(name, NOT_SET)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def read_properties(text: str) -> Facts:
    """Return the settings of a Java properties file; the last of several counts."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def property_name(variable: str) -> str:
    """Return the property that a KAFKA_ variable stands for, as Apache's image translates it."""
    name = variable.removeprefix("KAFKA_").lower()
    return name.replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")


def _site(folder: Path) -> Site:
    project = Project(ROOT)
    layout = Layout(folder)
    layout.create()
    return Site(
        project=project,
        layout=layout,
        runtime=folder / "runtime",
        java=Path("java"),
        startup=StartupCaches(folder / "startup"),
        ports=Ports(layout.ports, numbers=default_ports(table())),
        passwords=Passwords(*[SECRET] * len(fields(Passwords))),
        environment={},
        external={},
        tell=lambda service, text: None,
    )


def _version(jars: tuple[lock.Artefact, ...], artifact: str) -> str:
    names = [jar.name.rsplit("/", 1)[-1] for jar in jars]
    found = [re.search(rf"{artifact}-(.+)\.jar$", name) for name in names]
    return next(match[1] for match in found if match)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, pattern
    return match[1]


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition(":")[2]


def _named(what: str, values: Mapping[str, object]) -> Facts:
    return {f"{what}: {name}": str(value) or EMPTY for name, value in values.items()}


def _shown(values: Mapping[str, str]) -> Facts:
    return {k: SECRET if k.endswith("PASSWORD") else str(v) for k, v in values.items()}


def _initdb(options: tuple[str, ...] | list[str]) -> str:
    """The encoding and the locale, which decide how text is kept and sorted."""
    text = " ".join(options).replace("-E ", "--encoding=")
    return " ".join(sorted(o for o in text.split() if "encoding" in o or "locale" in o))


def _kafka(environment: Mapping[str, str]) -> Facts:
    return {property_name(k): v for k, v in environment.items() if k not in _NOT_KAFKA}


def _options(command: list[str]) -> Facts:
    return dict(part.split("=", 1) for part in command if "=" in part)


def _server(text: str) -> Facts:
    found: Facts = {}

    def walk(element: ET.Element, path: str) -> None:
        for child in element:
            name = f"{path}{child.tag}"
            if len(child):
                walk(child, f"{name}.")
            else:
                found[name] = (child.text or "").strip()

    walk(ET.fromstring(text), "")
    return {name: value for name, value in found.items() if not _PLACES.match(name)}
