"""Fetching the library by npm: verified, whole or not at all, and errors in words."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from contractline.server import library as module
from contractline.server.library import Library, LibraryMissing, Package, package_for
from contractline.settings import environment

CONTENT = b"a library" * 1000
Npm = Callable[[str], None]


def archive(name: str = "package/libchdb.so") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        member = tarfile.TarInfo(name)
        member.size = len(CONTENT)
        opened.addfile(member, io.BytesIO(CONTENT))
    return packed.getvalue()


def library(cache: Path, packed: bytes) -> Library:
    digest = base64.b64encode(hashlib.sha512(packed).digest()).decode()
    package = Package(
        platform="here", name="a", version="1", size=len(packed), integrity=f"sha512-{digest}"
    )
    return Library(cache, package)


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Put a program in npm's place; it runs a script with the folder of the archive as $1."""

    def put(script: str) -> None:
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir(exist_ok=True)
        told = 'for each in "$@"; do case "$each" in --pack-destination=*) set -- "${each#*=}";; esac; done'
        program.write_text(f"#!/bin/sh\n{told}\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{environment()['PATH']}")

    return put


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    file = tmp_path / "packed.tgz"
    file.write_bytes(archive())
    return file


def provide(one: Library) -> Path:
    return one.provide(lambda arrived: None, lambda: None)


def test_what_arrived_is_unpacked_and_the_archive_is_not_kept(
    tmp_path: Path, npm: Npm, packed: Path
) -> None:
    npm(f'cp "{packed}" "$1/a-1.tgz"')
    wanted = library(tmp_path / "cache", packed.read_bytes())

    file = provide(wanted)

    assert file.read_bytes() == CONTENT
    kept = [each for each in (tmp_path / "cache").rglob("*") if each.is_file()]
    assert sorted(each.name for each in kept) == ["libchdb.so", "lock"]
    npm("exit 1")
    assert provide(wanted) == file, "what is there is not fetched again"


def test_another_archive_is_refused_and_not_kept(tmp_path: Path, npm: Npm, packed: Path) -> None:
    npm(f'cp "{packed}" "$1/a-1.tgz"')
    wanted = library(tmp_path / "cache", packed.read_bytes() + b"more")

    with pytest.raises(LibraryMissing, match="is not what was locked"):
        provide(wanted)

    assert not wanted.is_there
    assert [each.name for each in (tmp_path / "cache" / "clickhouse").iterdir()] == ["lock"]


def test_what_npm_says_is_told(tmp_path: Path, npm: Npm) -> None:
    npm("echo 'npm error code ENOTFOUND' >&2; echo 'npm error network no such host' >&2; exit 1")

    with pytest.raises(LibraryMissing, match="no such host") as caught:
        provide(library(tmp_path / "cache", b""))

    assert "HTTPS_PROXY" in caught.value.hint
    assert str(tmp_path / "cache") in caught.value.hint


def test_without_any_npm_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(LibraryMissing, match="npm is not on PATH"):
        provide(library(tmp_path / "cache", b""))


def test_the_npm_of_the_wheel_is_used_where_none_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    # A port that nothing listens on: the client runs, and says why it brings nothing.
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:1/")
    monkeypatch.setenv("NPM_CONFIG_FETCH_RETRIES", "0")

    with pytest.raises(LibraryMissing, match="ECONNREFUSED"):
        provide(library(tmp_path / "cache", b""))


def test_npm_trusts_what_the_machine_trusts(
    tmp_path: Path, npm: Npm, packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/our-own.pem")
    npm(
        f'echo "$NODE_USE_SYSTEM_CA $NODE_EXTRA_CA_CERTS" > {tmp_path}/said; cp "{packed}" "$1/a.tgz"'
    )

    provide(library(tmp_path / "cache", packed.read_bytes()))

    assert (tmp_path / "said").read_text() == "1 /etc/our-own.pem\n"


def test_an_archive_without_the_library_is_told(tmp_path: Path, npm: Npm, packed: Path) -> None:
    packed.write_bytes(archive("package/other"))
    npm(f'cp "{packed}" "$1/a-1.tgz"')

    with pytest.raises(LibraryMissing, match=r"holds no package/libchdb\.so"):
        provide(library(tmp_path / "cache", packed.read_bytes()))


def test_a_platform_without_a_package_is_told() -> None:
    with pytest.raises(LibraryMissing, match="there is none for sunos-sparc"):
        package_for("sunos-sparc")


def test_no_room_is_told(tmp_path: Path, npm: Npm, monkeypatch: pytest.MonkeyPatch) -> None:
    npm("exit 1")
    monkeypatch.setattr(module, "ROOM_BYTES", 1 << 60)

    with pytest.raises(Exception, match="no room left"):
        provide(library(tmp_path / "cache", b""))
