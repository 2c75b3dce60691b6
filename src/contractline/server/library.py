"""``libchdb.so``, the library with ClickHouse's server: which one, where it is, how it gets there.

``library.lock`` names the npm package of every platform, with npm's own checksum of its archive.
The library is kept unpacked, once for all checkouts of a user; the archive is not kept.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import platform
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from contractline.cache import CACHE_VARIABLE, DiskFull, Progress, cache_folder, locked
from contractline.errors import ContractlineError
from contractline.server.npm import NpmFailed, pack
from contractline.signals import temporary_folder

LOCK = Path(__file__).parent / "library.lock"
FILE = "libchdb.so"
"""Its name on every platform."""

ROOM_BYTES = 1_000_000_000
"""The archive, npm's copy of it, and the unpacked library."""

_MEMBER = f"package/{FILE}"
_SCRATCH = ".new-"
_CHUNK_BYTES = 1 << 20
_MACHINES = {"amd64": "x86_64", "aarch64": "arm64"}


class LibraryMissing(ContractlineError):
    """When the library is not there and can't be fetched."""

    def __init__(self, problem: str, *, hint: str = "") -> None:
        super().__init__(f"ClickHouse's library can't be fetched: {problem}", hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The npm package that holds the library for a platform.

    Attributes:
        platform: the platform, as :func:`this_platform` names it.
        name: the package.
        version: its version.
        size: the bytes of its archive; a guess where the checksum is missing.
        integrity: npm's checksum of the archive; empty where the package was never to be had, so
            that the checksum of the registry is all there is.
    """

    platform: str
    name: str
    version: str
    size: int
    integrity: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Library:
    """The library of a platform in one cache folder."""

    cache: Path
    package: Package

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Library:
        """Return the library of this platform in the user's cache.

        Raises:
            LibraryMissing: there is none for this platform.
        """
        return cls(cache_folder(environment), package_for(this_platform()))

    @classmethod
    def within(cls, cache: Path) -> Library | None:
        """Return the library of this platform in a cache folder; None where there is none."""
        try:
            return cls(cache, package_for(this_platform()))
        except LibraryMissing:
            return None

    @property
    def _folder(self) -> Path:
        return self.cache / "clickhouse"

    @property
    def path(self) -> Path:
        """Where the library is, once it was fetched."""
        return self._folder / f"{self.package.version}-{self.package.platform}" / FILE

    @property
    def is_there(self) -> bool:
        """Whether it was fetched."""
        return self.path.exists()

    def provide(self, progress: Progress, waiting: Callable[[], None]) -> Path:
        """Return the library's file, after fetching and verifying it where it is missing.

        Args:
            progress: told of the bytes that arrive.
            waiting: called when another process is at it, before waiting for it.

        Raises:
            LibraryMissing: it can't be fetched.
            DiskFull: no room is left.
        """
        if not self.is_there:
            with locked(self._folder / "lock", waiting):
                if not self.is_there:
                    self._fetch(progress)
        return self.path

    def _fetch(self, progress: Progress) -> None:
        for left in self._folder.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)
        if shutil.disk_usage(self._folder).free < ROOM_BYTES:
            raise DiskFull(self._folder, ROOM_BYTES)
        try:
            with temporary_folder(_SCRATCH, self._folder) as scratch:
                archive = pack(str(self.package), scratch, progress)
                _verify(archive, self.package)
                unpacked = scratch / "unpacked"
                unpacked.mkdir()
                _unpack(archive, unpacked / FILE)
                shutil.rmtree(self.path.parent, ignore_errors=True)
                unpacked.rename(self.path.parent)
        except NpmFailed as failed:
            raise LibraryMissing(f"{self.package}: {failed.problem}", hint=self._hint()) from failed
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(self._folder, ROOM_BYTES) from problem
            raise

    def _hint(self) -> str:
        return (
            "run it again when the network is back.\n"
            "  behind a proxy or with a mirror: npm reads HTTPS_PROXY and its own .npmrc\n"
            f"  by hand: put {FILE} of that package into {self.path.parent},\n"
            "  or copy that folder from a machine of the same kind\n"
            f"  ({CACHE_VARIABLE} names another cache folder)"
        )


def this_platform() -> str:
    """Return the system and the machine, as the lock names them."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{_MACHINES.get(machine, machine)}"


def package_for(wanted: str) -> Package:
    """Return the package of a platform.

    Raises:
        LibraryMissing: there is none.
    """
    packages = [Package(**json.loads(line)) for line in LOCK.read_text().splitlines()]
    for package in packages:
        if package.platform == wanted:
            return package
    known = ", ".join(package.platform for package in packages)
    raise LibraryMissing(
        f"there is none for {wanted} (there are: {known})",
        hint="name a ClickHouse server with CLICKHOUSE_URL, or have `clickhouse` on PATH",
    )


def _verify(archive: Path, package: Package) -> None:
    if not package.integrity:
        return
    digest = hashlib.sha512()
    with archive.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    found = f"sha512-{base64.b64encode(digest.digest()).decode()}"
    if found != package.integrity:
        raise LibraryMissing(
            f"what arrived as {package} is not what was locked:"
            f" {archive.stat().st_size} bytes, {found[:20]}…, not {package.integrity[:20]}…",
            hint="is npm's registry a mirror that changes packages? Nothing of it was kept.",
        )


def _unpack(archive: Path, target: Path) -> None:
    try:
        with tarfile.open(archive) as opened, target.open("wb") as stream:
            member = opened.extractfile(_MEMBER)
            if member is None:
                raise KeyError(_MEMBER)
            shutil.copyfileobj(member, stream, _CHUNK_BYTES)
    except (KeyError, tarfile.TarError) as problem:
        raise LibraryMissing(f"{archive.name} holds no {_MEMBER}") from problem
    target.chmod(0o755)
