"""The undocumented parts of ClickHouse's library that everything is built on, each by its name.

A newer package that changes one fails here, in words, before anything else does.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import httpx
import pytest

from contractline.proof.process import engine_process
from contractline.server.__main__ import ENTRY, ERROR
from contractline.server.config import STARTER
from contractline.server.library import LOCK, Library, Package, package_for
from contractline.settings import environment

PLATFORMS = ("linux-x86_64", "linux-arm64", "darwin-arm64", "darwin-x86_64")


@pytest.fixture(scope="module")
def library() -> Library:
    library = Library.of(environment())
    library.provide(lambda arrived: None, lambda: None)
    return library


def changed(library: Library, what: str) -> str:
    return (
        f"{library.package} has changed what the server is started with: {what}. See"
        " src/contractline/server/__main__.py; until that is mended keep the version before in"
        " library.lock"
    )


def test_the_lock_names_the_package_of_every_platform() -> None:
    packages: list[Package] = [package_for(platform) for platform in PLATFORMS]

    assert len(LOCK.read_text().splitlines()) == len(packages)
    assert len({package.version for package in packages}) == 1
    assert package_for("linux-x86_64").integrity.startswith("sha512-")


@pytest.mark.parametrize("name", [ENTRY, ERROR])
def test_the_library_has_the_functions(library: Library, name: str) -> None:
    loading = "import ctypes, sys; getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])"
    done = subprocess.run(
        [sys.executable, "-c", loading, str(library.path), name], capture_output=True, text=True
    )

    assert done.returncode == 0, changed(library, f"it has no {name} ({done.stderr[-300:]})")
    assert ctypes.sizeof(ctypes.c_void_p) == 8


def test_it_listens_with_the_accounts_of_the_files_and_reads_kafka(library: Library) -> None:
    """SYSTEM START LISTEN HTTP, --config-file with users and passwords, ENGINE = Kafka, the terminal."""
    queue = (
        "CREATE TABLE default.queue (line String) ENGINE = Kafka SETTINGS"
        " kafka_broker_list = '127.0.0.1:1', kafka_topic_list = 'topic',"
        " kafka_group_name = 'group', kafka_format = 'LineAsString'"
    )
    with engine_process() as engine, httpx.Client(base_url=engine.url, timeout=30) as http:
        assert http.post("/", content="SELECT version()").text.startswith("26.7."), changed(
            library, "its release; change CLICKHOUSE's in stack/services and compose's image too"
        )
        made = http.post("/", content=queue)
        assert made.is_success, changed(library, f"ENGINE = Kafka is refused: {made.text}")
        wrong = httpx.post(http.base_url.copy_with(userinfo=b"admin:wrong"), content="SELECT 1")
        assert wrong.status_code == 403, changed(library, "users_config is not read")
        with socket.create_connection((http.base_url.host, http.base_url.port or 80)) as cut:
            cut.sendall(b"GET / HTTP/1.1\r\nHo")
            cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.3)
        assert http.post("/", content="SELECT 1").is_success, changed(
            library, "it ends on what a connection throws, though it was started at a terminal"
        )
        users = ElementTree.parse(engine.folder / "users.xml").findall("users/*")
        assert STARTER in {user.tag for user in users}


def test_a_start_that_fails_says_why(library: Library, tmp_path: Path) -> None:
    config = tmp_path / "config.xml"
    config.write_text("<clickhouse><a></clickhouse>")
    options = (f"--config={config}", f"--data={tmp_path / 'data'}")
    done = subprocess.run(
        [sys.executable, "-m", "contractline.server", str(library.path), *options],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "Tag mismatch" in done.stderr, changed(library, f"{ERROR} says: {done.stderr[-300:]}")
