"""Downloads from a repository on this machine: resumed, verified, retried, and explained."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from contractline.cache import DiskFull
from contractline.stack import download
from contractline.stack.artefacts import Artefacts, WheelDamaged
from contractline.stack.download import fetch
from contractline.stack.errors import ArtefactsMissing
from contractline.stack.lock import Artefact
from contractline.stack.ports import any_free
from tests.fixtures.stack import clean_environment

CONTENT = bytes(range(256)) * 8_000


@dataclass
class Repository:
    """A repository that can misbehave."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, content: bytes = CONTENT) -> Artefact:
        self.files[f"{name}-1.jar"] = content
        return Artefact(
            folder="f",
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            group="org.example",
            artifact=name,
            version="1",
        )

    def addresses(self, artefact: Artefact) -> list[str]:
        return [f"{self.url}/{artefact.name}"]


@pytest.fixture
def repository() -> Iterator[Repository]:
    served = Repository()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            served.asked.append((self.path, wanted))
            status = served.statuses.pop(0) if served.statuses else 0
            body = served.files.get(self.path.lstrip("/"))
            if status or body is None:
                self.send_error(status or 404)
                return
            start = int(re.sub(r"\D", "", wanted)) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = start + served.cut_after.pop(0) if served.cut_after else len(body)
            self.wfile.write(body[start:end])
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)


def test_files_arrive_and_are_counted(repository: Repository, tmp_path: Path):
    artefacts = [repository.add(f"file{number}") for number in range(20)]
    arrived: list[int] = []

    fetch(artefacts, tmp_path, repository.addresses, arrived.append)

    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(a.name for a in artefacts)
    assert all((tmp_path / a.name).read_bytes() == CONTENT for a in artefacts)
    assert sum(arrived) == 20 * len(CONTENT)


def test_a_broken_download_goes_on_where_it_ended(repository: Repository, tmp_path: Path):
    artefact = repository.add("file")
    repository.cut_after.append(1_200_000)
    arrived: list[int] = []

    fetch([artefact], tmp_path, repository.addresses, arrived.append)

    assert [wanted for _, wanted in repository.asked] == [None, "bytes=1200000-"]
    assert (tmp_path / artefact.name).read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)


def test_what_an_earlier_process_has_left_is_used(repository: Repository, tmp_path: Path):
    artefact = repository.add("file")
    (tmp_path / f"{artefact.name}.part").write_bytes(CONTENT[:1000])

    fetch([artefact], tmp_path, repository.addresses, lambda arrived: None)

    assert [wanted for _, wanted in repository.asked] == ["bytes=1000-"]
    assert (tmp_path / artefact.name).read_bytes() == CONTENT


def test_a_damaged_part_is_fetched_anew(repository: Repository, tmp_path: Path):
    artefact = repository.add("file")
    (tmp_path / f"{artefact.name}.part").write_bytes(b"x" * 1000)

    fetch([artefact], tmp_path, repository.addresses, lambda arrived: None)

    assert [wanted for _, wanted in repository.asked] == ["bytes=1000-", None]
    assert (tmp_path / artefact.name).read_bytes() == CONTENT


def test_an_overloaded_repository_is_asked_again(repository: Repository, tmp_path: Path):
    artefact = repository.add("file")
    repository.statuses += [503, 429]

    fetch([artefact], tmp_path, repository.addresses, lambda arrived: None)

    assert len(repository.asked) == 3


def test_another_file_than_the_locked_one_is_refused(repository: Repository, tmp_path: Path):
    artefact = repository.add("file")
    repository.files[artefact.name] = b"y" * len(CONTENT)

    with pytest.raises(ArtefactsMissing, match="the lock says"):
        fetch([artefact], tmp_path, repository.addresses, lambda arrived: None)

    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named_with_its_size(repository: Repository, tmp_path: Path):
    there, gone = repository.add("there"), repository.add("gone")
    del repository.files[gone.name]

    with pytest.raises(ArtefactsMissing) as caught:
        fetch([there, gone], tmp_path, repository.addresses, lambda arrived: None)

    assert [a.name for a in caught.value.missing] == [gone.name]
    assert "1 files (2.0 MB) can't be fetched: " in str(caught.value)
    assert "org.example:gone:1  gone-1.jar" in str(caught.value)
    assert str(tmp_path) in caught.value.hint
    assert (tmp_path / there.name).exists()


def test_without_a_network_it_says_how_to_go_on(repository: Repository, tmp_path: Path):
    artefact = repository.add("file")
    nowhere = f"http://127.0.0.1:{any_free()}/"

    with pytest.raises(ArtefactsMissing) as caught:
        fetch([artefact], tmp_path, lambda a: [nowhere + a.name], lambda arrived: None)

    for way in ("HTTPS_PROXY", "SSL_CERT_FILE", "CONTRACTLINE_CACHE_DIR", "by hand"):
        assert way in caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told(repository: Repository, tmp_path: Path):
    artefact = repository.add("file")
    (tmp_path / f"{artefact.name}.part").symlink_to("/dev/full")

    with pytest.raises(DiskFull, match="no room left"):
        fetch([artefact], tmp_path, repository.addresses, lambda arrived: None)


def test_the_proxy_of_the_environment_is_used(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    artefact = repository.add("file")
    repository.files[f"http://repository.invalid/{artefact.name}"] = CONTENT
    monkeypatch.setenv("HTTP_PROXY", repository.url)
    monkeypatch.delenv("NO_PROXY", raising=False)

    fetch(
        [artefact],
        tmp_path,
        lambda a: [f"http://repository.invalid/{a.name}"],
        lambda arrived: None,
    )

    assert repository.asked[0][0] == f"http://repository.invalid/{artefact.name}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    """The real artefacts, linked from the user's cache into one of our own."""
    from contractline.cache import cache_folder

    shared = Artefacts.of(cache_folder(clean_environment()))
    shared.provide(lambda arrived: None, lambda: None)
    own = Artefacts.of(tmp_path_factory.mktemp("cache"))
    own.store.mkdir()
    for file in shared.store.glob("*.*"):
        if file.suffix != ".part":
            (own.store / file.name).symlink_to(file)
    return own


def test_the_runtime_is_laid_out_from_the_store(cache: Artefacts):
    assert not cache.is_complete()

    runtime = cache.provide(lambda arrived: None, lambda: None)

    assert cache.is_complete()
    assert (runtime / "registry" / "quarkus-run.jar").exists()
    assert (runtime / "plugins" / "avro" / "converter-manifest.jar").exists()
    assert not list((runtime / "plugins" / "avro").glob("avro-1.11.3.jar"))
    assert [p.name for p in runtime.parent.iterdir()] == [runtime.name]


def test_two_processes_at_once_are_fine(cache: Artefacts):
    code = (
        "from pathlib import Path; from contractline.stack.artefacts import Artefacts\n"
        f"print(Artefacts.of(Path({str(cache.cache)!r})).provide(lambda b: None, lambda: None))"
    )
    damaged = cache.provide(lambda arrived: None, lambda: None) / "registry" / "quarkus-run.jar"
    damaged.unlink()

    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for child in both:
        output, _ = child.communicate(timeout=120)
        assert output.strip() == str(cache.runtime)
    assert damaged.exists()


def test_another_wheel_than_the_locked_one_is_refused(cache: Artefacts, tmp_path: Path):
    of_wheel = next(a for a in cache.locked if a.wheel)
    other = Artefact(folder="f", sha256="0" * 64, size=1, wheel=of_wheel.wheel, path=of_wheel.path)

    with pytest.raises(WheelDamaged, match="is not the file that was locked"):
        Artefacts(tmp_path, (other,)).provide(lambda arrived: None, lambda: None)


def test_the_cache_folder_is_a_setting(tmp_path: Path):
    from contractline.cache import cache_folder

    assert cache_folder({"CONTRACTLINE_CACHE_DIR": str(tmp_path)}) == tmp_path
    assert os.fspath(cache_folder({})).endswith("contractline")
