"""The files around the model: Dockerfiles, scripts, the workflow, the .env."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from contractline.cli._compose import endpoints
from contractline.stack import lock
from tests.packaging.compose.conftest import COMPOSE, ROOT, Model, Run, read_env

DOCKERFILES = (COMPOSE / "Dockerfile", ROOT / "connect" / "Dockerfile")
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


@pytest.mark.parametrize("file", DOCKERFILES, ids=["own", "connect"])
def test_dockerfiles_pass_hadolint(tool: Run, file: Path) -> None:
    done = tool("hadolint", "--no-color", str(file))
    assert done.returncode == 0, done.stdout


def test_no_image_runs_as_root_and_only_fetched_things_are_checked() -> None:
    own, connect = (file.read_text() for file in DOCKERFILES)
    assert re.findall(r"^USER (.+)$", own, re.MULTILINE) == ["10001"]
    # The base image's own user stays: nothing in the last stage says otherwise.
    assert "USER" not in connect
    assert "--require-hashes" in own
    assert "sha256sum --check" in connect


def test_all_stages_of_the_own_image_are_the_same_python() -> None:
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILES[0].read_text(), re.MULTILINE))
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", bases.pop())


def test_the_lock_gives_uv_alone() -> None:
    """The own image takes uv from the lock with this line; uv checks all else against the lock."""
    expression = re.search(r"sed -n '(.+?)' requirements.lock", DOCKERFILES[0].read_text())
    assert expression
    done = subprocess.run(
        ["sed", "-n", expression[1], str(ROOT / "requirements.lock")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.match(r"uv==\d", done.stdout)
    assert done.stdout.count("==") == 1
    assert done.stdout.count("--hash=sha256:") > 5


def test_debezium_is_that_of_the_local_stack() -> None:
    """Version by version: what the archive in the image holds, the lock holds too."""
    locked = {a.name.rsplit("/", 1)[-1] for a in lock.read(lock.LOCK.read_text())}
    version = re.search(r"ARG DEBEZIUM_VERSION=(\S+)", DOCKERFILES[1].read_text())
    assert version
    for part in ("connector-postgres", "connector-common", "api", "util"):
        assert f"debezium-{part}-{version[1]}.jar" in locked


def test_the_workflow_runs_both_kinds_of_tests() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    triggers = workflow[True]  # YAML reads `on` so
    assert "pull_request" in triggers
    commands = [s.get("run", "") for job in workflow["jobs"].values() for s in job["steps"]]
    assert ".ci/run" in commands
    assert any(command.startswith("make compose-test") for command in commands)
    assert workflow["permissions"] == {"contents": "read"}


def test_scripts_are_sound() -> None:
    for name, shell in (("make-env.sh", "sh"), ("postgres/databases.sh", "bash")):
        file = COMPOSE / name
        assert file.stat().st_mode & stat.S_IXUSR, name
        subprocess.run([shell, "-n", str(file)], check=True)


def test_the_env_is_private_and_its_passwords_are_new(make_env: Callable[..., Path]) -> None:
    first, second = (make_env() / ".env" for _ in range(2))
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    one, other = read_env(first), read_env(second)
    assert one.keys() == read_env(COMPOSE / ".env.example").keys()
    passwords = [name for name in one if name.endswith("_PASSWORD")]
    assert len(passwords) == 8
    values = {env[name] for env in (one, other) for name in passwords}
    assert len(values) == 16
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", value) for value in values)


def test_an_env_that_is_there_stays(make_env: Callable[..., Path]) -> None:
    folder = make_env()
    before = (folder / ".env").read_text()
    done = subprocess.run([folder / "make-env.sh"], capture_output=True, text=True, check=True)
    assert "stays as it is" in done.stdout
    assert (folder / ".env").read_text() == before


def test_an_unknown_registry_is_refused(make_env: Callable[..., Path]) -> None:
    folder = make_env()
    (folder / ".env").unlink()
    done = subprocess.run([folder / "make-env.sh", "karapace"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there are confluent and apicurio" in done.stderr
    assert not (folder / ".env").exists()


@pytest.mark.parametrize("registry", ["confluent", "apicurio"])
def test_env_compose_says_what_the_containers_say(
    make_env: Callable[..., Path], resolve: Callable[..., Model], registry: str
) -> None:
    """The commands on the host and those in containers reach the same services the same way."""
    folder = make_env(registry)
    outside = endpoints(folder.parent)
    services = resolve(folder)["services"]
    inside = services["init"]["environment"]
    assert outside.pop("CLICKHOUSE_KAFKA_BROKERS") == inside["KAFKA_BOOTSTRAP_SERVERS"]
    assert outside.pop("CLICKHOUSE_SCHEMA_REGISTRY_URL") == inside["SCHEMA_REGISTRY_URL"]
    assert outside.keys() == inside.keys()
    for service in services.values():
        for port in service.get("ports", []):
            for name, value in inside.items():
                # As the host sees what a container calls by name.
                known = f"{_host(services, service)}:{port['target']}"
                inside[name] = value.replace(known, f"127.0.0.1:{port['published']}")
    kafka = inside.pop("KAFKA_BOOTSTRAP_SERVERS")
    published = services["kafka"]["ports"][0]["published"]
    assert kafka == "kafka:9092"
    assert outside.pop("KAFKA_BOOTSTRAP_SERVERS") == f"127.0.0.1:{published}"
    assert outside == inside


def _host(services: Model, service: Model) -> str:
    return next(name for name, one in services.items() if one is service)
