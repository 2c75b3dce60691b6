"""A connector for one stream alone: its template, and the contract of its heartbeats."""

from __future__ import annotations

import json
import re
from pathlib import Path

from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.debezium.config import heartbeat_of
from contractline.debezium.files import connector_names, connector_template
from contractline.errors import ContractlineError
from contractline.project import Project

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
    """Return the files of a connector for one stream, with their texts.

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
    text = json.dumps(template | names, indent=2, ensure_ascii=False) + "\n"
    files = {project.connectors / f"{stream}.json": text}
    beat = heartbeat_of(load_contracts(project), like, template)
    if beat is None:
        return files
    folder = beat.folder.with_name(f"{beat.folder.name}_{stream}")
    for file in sorted(path for path in beat.folder.rglob("*") if path.is_file()):
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".yaml":
            topic = beat.topic.name.removesuffix(template["topic.prefix"]) + stream
            text = text.replace(beat.topic.name, topic)
            text = _renamed(text, beat, folder.name, like, stream)
        files[folder / file.relative_to(beat.folder)] = text
    return files


def _renamed(text: str, beat: Contract, name: str, like: str, stream: str) -> str:
    """Return a heartbeat's document under another name, for another connector."""
    text = re.sub(rf"(?m)^(\s*connector: ){re.escape(like)}$", rf"\g<1>{stream}", text)
    return re.sub(rf"(?m)^((?:id|  - name): ){re.escape(beat.name)}$", rf"\g<1>{name}", text)
