"""A connector for one stream alone: its template, and the contract of its heartbeats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.errors import ContractlineError
from contractline.mapping.connector import heartbeat_of
from contractline.project import Project
from contractline.targets.files import connector_names, connector_template

HEARTBEATS = "__debezium-heartbeat."
"""How the topics begin into which Debezium writes its heartbeats; the topic prefix follows."""

_LONGEST_NAME = 63
"""Characters of a name in PostgreSQL."""


class ConnectorTaken(ContractlineError):
    """When a connector can't be made, since one is called so, or its names would be too long."""

    def __init__(self, stream: str, problem: str) -> None:
        super().__init__(
            f"{stream} can't have a connector of its own: {problem}",
            hint="choose another name for the stream, or leave --own-connector out",
        )


def own_connector(project: Project, stream: str, like: str) -> dict[Path, str]:
    """Return the files of a connector for one stream, by their places in the checkout.

    It is made like another one, with a topic prefix, a replication slot and a publication of its own.

    Args:
        project: the checkout.
        stream: the stream, after which it is called.
        like: the connector that it is made like.

    Raises:
        ConnectorTaken: there is one of that name, or its names would be too long.
    """
    template = connector_template(project, like)
    names = {
        "topic.prefix": stream,
        "slot.name": f"contractline_{stream}",
        "publication.name": f"{stream}_publication",
    }
    if stream in connector_names(project):
        raise ConnectorTaken(stream, "connect/connectors holds one of that name already")
    if longest := next((name for name in names.values() if len(name) > _LONGEST_NAME), ""):
        raise ConnectorTaken(stream, f"PostgreSQL takes no name as long as {longest}")
    place = project.connectors.relative_to(project.root) / f"{stream}.json"
    files = {place: json.dumps(template | names, indent=2, ensure_ascii=False) + "\n"}
    beat = heartbeat_of(load_contracts(project), like)
    if beat is None:
        return files
    folder = beat.folder.with_name(f"{beat.folder.name}_{stream}")
    for file in sorted(path for path in beat.folder.rglob("*") if path.is_file()):
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".yaml":
            text = _renamed(text, beat, folder.name, template["topic.prefix"], like, stream)
        files[(folder / file.relative_to(beat.folder)).relative_to(project.root)] = text
    return files


def written(project: Project, files: Mapping[Path, str]) -> Iterator[Path]:
    """Write files into a checkout, and yield where they are."""
    for place, text in files.items():
        file = project.root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        yield file


def _renamed(text: str, beat: Contract, name: str, prefix: str, like: str, stream: str) -> str:
    """Return a heartbeat's document for another connector; all else stays as people wrote it."""
    text = text.replace(f"{HEARTBEATS}{prefix}", f"{HEARTBEATS}{stream}")
    text = re.sub(rf"(?m)^(\s*connector: ){re.escape(like)}$", rf"\g<1>{stream}", text)
    return re.sub(rf"(?m)^((?:id|  - name): ){re.escape(beat.name)}$", rf"\g<1>{name}", text)
