"""What a bug report needs, in one file: logs and state, without passwords and tokens."""

from __future__ import annotations

import io
import json
import platform
import re
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlsplit

from contractline.clients.connect import Connect
from contractline.doctor.problem import Patient
from contractline.errors import ContractlineError
from contractline.settings import Endpoints

LOG_BYTES = 1 << 20
"""So much of the end of each log."""

MASK = "***"
_SHORTEST = 4
"""A shorter secret would be masked in the middle of words."""

_NAMED = re.compile(r"password|passwd|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
"""What a setting is called whose value nobody else may know."""

_SPELLED = (
    (re.compile(r"(?<=://)[^\s/@\"']+(?=@)"), MASK),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_)\w+"), MASK),
    (re.compile(r"\b(bearer|basic) +[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (
        re.compile(
            r"((?:password|passwd|secret|token|api_?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&}]+",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)
"""How a password or token looks that nobody has told of."""


def write(patient: Patient, file: Path, said: Mapping[str, object]) -> list[str]:
    """Write the bundle; return the names of what is in it.

    Args:
        patient: whose state and logs.
        file: the archive, a ``.tar.gz``.
        said: what is known already, as JSON holds it, by the name of the file.

    Raises:
        OSError: it can't be written.
    """
    secrets = _secrets(patient)
    names = []
    with tarfile.open(file, "w:gz") as archive:
        for name, text in _files(patient, said):
            content = masked(text, secrets).encode()
            entry = tarfile.TarInfo(f"{file.name.removesuffix('.tar.gz')}/{name}")
            entry.size, entry.mtime = len(content), int(time.time())
            archive.addfile(entry, io.BytesIO(content))
            names.append(name)
    file.chmod(0o600)
    return names


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return a text without these secrets, and without what looks like one."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    for pattern, replacement in _SPELLED:
        text = pattern.sub(replacement, text)
    return text


def _files(patient: Patient, said: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, content in said.items():
        yield name, _json(content)
    yield "versions.json", _json(_versions())
    yield "settings.json", _json(_settings(patient.endpoints))
    yield "connectors.json", _json(_connectors(patient.endpoints))
    events = patient.stack.layout.events
    for path in (events, *sorted(patient.stack.layout.logs.glob("*.log"))):
        if path.exists():
            folder = "" if path == events else "logs/"
            yield f"{folder}{path.name}", _end(path)


def _end(path: Path) -> str:
    with path.open("rb") as stream:
        stream.seek(0, io.SEEK_END)
        stream.seek(max(0, stream.tell() - LOG_BYTES))
        return stream.read().decode("utf-8", "replace")


def _versions() -> dict[str, object]:
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "packages": {
            one.name: one.version for one in sorted(distributions(), key=lambda d: d.name)
        },
    }


def _settings(endpoints: Endpoints) -> dict[str, object]:
    return {
        name: MASK if value and _NAMED.search(name) else value
        for name, value in endpoints.model_dump().items()
    }


def _connectors(endpoints: Endpoints) -> object:
    if endpoints.connect_url is None:
        return {}
    try:
        with Connect(endpoints) as connect:
            return {
                name: {
                    "state": live.state,
                    "tasks": [{"state": task.state, "trace": task.trace} for task in live.tasks],
                    "config": {
                        key: MASK if _NAMED.search(key) else value
                        for key, value in live.config.items()
                    },
                }
                for name, live in connect.connectors().items()
            }
    except ContractlineError as problem:
        return str(problem)


def _secrets(patient: Patient) -> list[str]:
    """Return the secrets that are known here, the longest first, so that none is left in part."""
    found = set(_values(patient.project.state / "passwords.json"))
    for name, value in patient.endpoints.model_dump().items():
        if value and _NAMED.search(name):
            found.add(value)
        if value and "://" in value and (password := urlsplit(value).password):
            found.add(password)
    found |= {value for name, value in patient.environment.items() if _NAMED.search(name)}
    return sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True)


def _values(file: Path) -> Iterator[str]:
    try:
        yield from json.loads(file.read_text()).values()
    except FileNotFoundError:
        return


def _json(content: object) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, default=str)
