"""The model: valid, complete, closed to the network, started in order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.compose.conftest import COMPOSE, ROOT, Model, Run, clean_environment

SCHEMA = Path(__file__).with_name("compose-spec.json")
CORE = {"postgres", "kafka", "registry", "connect", "clickhouse", "init", "watch"}
OWN = {"init", "watch", "producer", "demo", "reports"}
ONE_TIME = {"init", "demo", "reports"}
# Images of which no digest is known to us (docs/compose.md says what that means).
WITHOUT_DIGEST = {"clickhouse"}


def test_the_file_is_valid_by_the_specification(tool: Run) -> None:
    done = tool("check-jsonschema", "--schemafile", str(SCHEMA), str(COMPOSE / "compose.yaml"))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("registry", ["confluent", "apicurio"])
def test_the_resolved_model_is_valid_by_the_specification(
    tool: Run, tmp_path: Path, registry: str, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "model.json"
    file.write_text(json.dumps(request.getfixturevalue(registry)))
    done = tool("check-jsonschema", "--schemafile", str(SCHEMA), str(file))
    assert done.returncode == 0, done.stdout


def test_profiles(make_env: Callable[..., Path], resolve: Callable[..., Model]) -> None:
    folder = make_env()
    assert set(resolve(folder, [])["services"]) == CORE
    assert set(resolve(folder, ["reports"])["services"]) == CORE | {"metabase", "reports"}
    assert set(resolve(folder, ["demo"])["services"]) == CORE | {"producer", "demo"}


def test_nothing_starts_without_passwords(tool: Run, tmp_path: Path) -> None:
    empty = clean_environment()
    arguments = ("--project-directory", str(tmp_path), "--file", str(COMPOSE / "compose.yaml"))
    done = tool("docker-compose", *arguments, "config", variables=empty)
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD is missing a value: make compose-env" in done.stderr
    for name in re.findall(r"\w+_PASSWORD", (COMPOSE / ".env.example").read_text()):
        used = re.findall(rf"\${{{name}[^}}]*}}", (COMPOSE / "compose.yaml").read_text())
        used += re.findall(rf"\${{{name}[^}}]*}}", (COMPOSE / "registry-apicurio.yaml").read_text())
        assert used, name
        assert all(use == f"${{{name}:?make compose-env}}" for use in used), used


def test_only_loopback_is_published(confluent: Model, apicurio: Model) -> None:
    for model in (confluent, apicurio):
        published = [p for s in model["services"].values() for p in s.get("ports", [])]
        assert len(published) == 6
        assert {p["host_ip"] for p in published} == {"127.0.0.1"}


def test_metabase_reaches_clickhouse_and_its_database_and_never_kafka(confluent: Model) -> None:
    networks = {name: set(s["networks"]) for name, s in confluent["services"].items()}
    reached = {name for name, own in networks.items() if own & networks["metabase"]}
    assert reached == {"metabase", "reports", "clickhouse", "postgres"}
    for name, service in confluent["services"].items():
        for needed in service.get("depends_on", {}):
            assert networks[name] & networks[needed] or needed == "init", (name, needed)


def test_each_waits_for_what_it_needs(confluent: Model) -> None:
    services = confluent["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            ends = needed in ONE_TIME
            assert how["condition"] == (
                "service_completed_successfully" if ends else "service_healthy"
            ), (name, needed)
            assert ends or "healthcheck" in services[needed]
    assert set(services["init"]["depends_on"]) == CORE - {"init", "watch"}
    assert set(services["reports"]["depends_on"]) == {"init", "metabase"}
    assert all(set(services[n]["depends_on"]) == {"init"} for n in OWN - {"init", "reports"})


def test_limits_and_restarts(confluent: Model) -> None:
    for name, service in confluent["services"].items():
        assert int(service["mem_limit"]) > 0, name
        expected = {"init": "on-failure:3", "reports": "on-failure:3", "demo": "no"}.get(
            name, "unless-stopped"
        )
        assert service["restart"] == expected, name
        assert service["logging"]["options"]["max-size"], name


def test_heaps_fit_their_limits(confluent: Model) -> None:
    for name, variable in {
        "kafka": "KAFKA_HEAP_OPTS",
        "connect": "KAFKA_HEAP_OPTS",
        "metabase": "JAVA_OPTS",
    }.items():
        service = confluent["services"][name]
        amount, unit = re.fullmatch(r"-Xmx(\d+)([mg])", service["environment"][variable]).groups()  # type: ignore[union-attr]
        heap = int(amount) << (20 if unit == "m" else 30)
        assert heap * 3 // 2 <= int(service["mem_limit"]), name


def test_the_own_image_may_nothing(confluent: Model) -> None:
    for name in OWN:
        service = confluent["services"][name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_images_are_pinned(confluent: Model, apicurio: Model) -> None:
    both = [*confluent["services"].items(), *apicurio["services"].items()]
    for name, service in both:
        if service["image"].endswith(":local"):
            continue
        tag, _, digest = service["image"].partition("@")
        assert re.search(r":v?\d+\.\d+", tag), tag
        assert bool(re.fullmatch(r"sha256:[0-9a-f]{64}", digest)) is (name not in WITHOUT_DIGEST)


def test_every_own_image_is_built_by_one_service(confluent: Model) -> None:
    """The builds run at once; two of the same name end with `image already exists`."""
    services = confluent["services"].values()
    built = [service["image"] for service in services if "build" in service]
    assert len(built) == len(set(built))
    assert set(built) == {s["image"] for s in services if s["image"].endswith(":local")}


def test_metabase_has_the_clickhouse_driver_built_in(confluent: Model) -> None:
    version = re.search(r":v0\.(\d+)\.", confluent["services"]["metabase"]["image"])
    assert version
    assert int(version[1]) >= 54


def test_every_mounted_and_built_file_exists(written: Model) -> None:
    for name, service in written["services"].items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (COMPOSE / source).is_file(), (name, source)
            elif not source.startswith("$"):
                assert source in written["volumes"], (name, source)
        if build := service.get("build"):
            assert (COMPOSE / build["context"] / build["dockerfile"]).is_file(), name


def test_every_volume_is_used(written: Model) -> None:
    mounted = {
        v.partition(":")[0] for s in written["services"].values() for v in s.get("volumes", [])
    }
    assert set(written["volumes"]) <= mounted


def test_no_topic_is_named_twice() -> None:
    contracts = (ROOT / "contracts").rglob("contract.odcs.yaml")
    topics = {re.search(r"physicalName: (\S+)", c.read_text())[1] for c in contracts}  # type: ignore[index]
    assert topics
    for file in [*COMPOSE.rglob("*"), ROOT / "connect" / "Dockerfile"]:
        if file.is_file() and file.suffix != ".md":
            named = {t for t in topics if re.search(rf"\b{re.escape(t)}\b", file.read_text())}
            assert not named, file
