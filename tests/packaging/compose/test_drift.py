"""compose/ says what the local stack says, or compose/DIFFERENCES.md says why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contractline.settings import Endpoints
from tests.packaging.compose import facts
from tests.packaging.compose.conftest import COMPOSE, ROOT, Model, read_env

HINT = "make both equal, or say why not in compose/DIFFERENCES.md: | what | local | compose | why |"


def listed() -> dict[str, tuple[str, str, str]]:
    """The entries of DIFFERENCES.md: what differs, both values, the reason."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", _page(), re.MULTILINE)
    entries = [row for row in rows if row[0] != "what"]
    found = {what: (here, there, why) for what, here, there, why in entries}
    assert len(found) == len(entries), "an entry stands there twice"
    return found


def _page() -> str:
    return (COMPOSE / "DIFFERENCES.md").read_text()


def test_every_difference_has_its_reason(confluent: Model, apicurio: Model, tmp_path: Path) -> None:
    real = facts.differences(facts.local(tmp_path), facts.composed(confluent, apicurio))
    said = {what: (here, there) for what, (here, there, _) in listed().items()}
    new = "\n".join(f"| {w} | {a} | {b} | |" for w, (a, b) in real.items() if said.get(w) != (a, b))
    assert not new, f"{HINT}\n{new}"
    assert said.keys() == real.keys(), f"no difference any more: {said.keys() - real.keys()}"


def test_every_reason_is_one() -> None:
    for what, (_, _, why) in listed().items():
        assert len(why.split()) >= 3, what


def test_connect_has_every_variable_that_templates_name(confluent: Model) -> None:
    environment = confluent["services"]["connect"]["environment"]
    allowed = facts.read_properties((ROOT / "connect" / "worker.properties").read_text())
    pattern = allowed["config.providers.env.param.allowlist.pattern"]
    templates = sorted((ROOT / "connect" / "connectors").glob("*.json"))
    assert templates
    for template in templates:
        for name in re.findall(r"\$\{env:(\w+)\}", template.read_text()):
            assert name in environment, (template.name, name)
            assert re.fullmatch(pattern, name), name


def test_the_own_services_are_told_what_the_settings_know(confluent: Model) -> None:
    known = {name.upper() for name in Endpoints.model_fields}
    told = {
        name: set(confluent["services"][name]["environment"])
        for name in ("init", "watch", "producer", "reports")
    }
    assert all(names <= known for names in told.values())
    # Inside the network ClickHouse reaches Kafka and the registry as everybody does, nobody asks
    # questions, and the administrator of Metabase that is made has no API key.
    assert known - told["init"] - told["reports"] == {
        "CLICKHOUSE_KAFKA_BROKERS",
        "CLICKHOUSE_SCHEMA_REGISTRY_URL",
        "METABASE_API_KEY",
    }


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("KAFKA_NODE_ID", "node.id"),
        ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "transaction.state.log.min.isr"),
        ("KAFKA_A__B", "a_b"),
        ("KAFKA_A___B", "a-b"),
    ],
)
def test_variables_are_translated_as_the_image_does(variable: str, name: str) -> None:
    assert facts.property_name(variable) == name


def test_the_same_connector_files_reach_both(written: Model) -> None:
    connect = written["services"]["connect"]["volumes"]
    assert any(v.startswith("../connect/worker.properties:") for v in connect)
    docker = (COMPOSE / "Dockerfile").read_text()
    for folder in ("contracts", "connect", "clickhouse_ddl", "producer"):
        assert f"COPY {folder} {folder}\n" in docker
    ignored = (COMPOSE / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", docker, re.MULTILINE)
    for name in " ".join(copied).split():
        assert f"!{name}" in ignored, name
        assert (ROOT / name).exists(), name


def test_the_two_env_examples_do_not_mix() -> None:
    inside = set(read_env(COMPOSE / ".env.example"))
    outside = set(read_env(ROOT / ".env.example"))
    assert not (inside & outside) - {"POSTGRES_REPLICATION_USER", "POSTGRES_REPLICATION_PASSWORD"}
