"""The lock of the artefacts."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from contractline.stack import lock
from contractline.stack.lock import Artefact
from contractline.stack.services.connect import CONNECT
from contractline.stack.services.kafka import KAFKA
from contractline.stack.services.registry import REGISTRY

LOCKED = lock.read(lock.LOCK.read_text())
RENEW = "renew it: python -m contractline.stack.artefacts lock"


def versions(artifact: str) -> set[str]:
    return {a.version for a in LOCKED if a.artifact == artifact}


def test_the_services_run_what_is_locked():
    assert versions("kafka_2.13") == {KAFKA.version}, RENEW
    assert versions("connect-runtime") == {CONNECT.version}, RENEW
    assert versions("apicurio-registry-app") == {REGISTRY.version}, RENEW
    assert versions("debezium-connector-postgres") == {"3.6.3.Final"}, RENEW


def test_kafka_and_connect_can_log():
    for folder in ("kafka", "connect"):
        names = {a.artifact for a in LOCKED if a.folder == folder}
        assert names >= {"log4j-slf4j-impl", "log4j-api", "log4j-core"}, RENEW


def test_the_converter_has_an_avro_that_runs_no_foreign_code():
    [avro] = [a for a in LOCKED if a.name.startswith("avro-1")]
    assert tuple(int(part) for part in avro.version.split(".")) >= (1, 11, 4), RENEW


def test_no_folder_holds_two_files_of_one_name():
    twice = [n for n, count in Counter((a.folder, a.name) for a in LOCKED).items() if count > 1]
    assert twice == []


def test_the_lock_holds_no_address():
    assert not re.search(r"https?:|www\.", lock.LOCK.read_text())


def test_the_lock_is_in_its_written_form():
    assert lock.write(LOCKED) == lock.LOCK.read_text(), RENEW


def test_names_follow_the_repository():
    tarball = Artefact(
        folder="registry",
        sha256="0",
        size=1,
        group="io.apicurio",
        artifact="app",
        version="3.3.3",
        classifier="all",
        packaging="tar.gz",
    )
    of_wheel = Artefact(folder="f", sha256="0", size=1, wheel="w", path="libs/converter-7.jar")

    assert tarball.name == "app-3.3.3-all.tar.gz"
    assert of_wheel.name == "converter-7.jar"
    assert lock.read(tarball.to_json()) == (tarball,)


@pytest.mark.parametrize("line", ["{", '{"folder": "x"}', '{"unheard": 1}'])
def test_a_damaged_line_is_named(line: str):
    with pytest.raises(ValueError, match="line 2 of the artefacts' lock"):
        lock.read(f"\n{line}\n")
