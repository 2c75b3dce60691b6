"""A checkout against what a real registry holds of it: `check --against registry`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from contractline.avro.schema import Schema
from contractline.cli import run
from contractline.clients.registry import Registry
from contractline.contracts.model import Subject
from contractline.project import Project
from tests.fixtures.stack import RunningStack
from tests.fixtures.trees import edit, tree

TOPIC = "gate_registry_base"
VALUE = Subject(f"{TOPIC}-value")
PAGE = '{"name": "page", "type": "string", "default": "", "doc": "Address."}'


@pytest.fixture
def project(stack: RunningStack, tmp_path, monkeypatch) -> Project:
    monkeypatch.setenv("SCHEMA_REGISTRY_URL", stack.endpoints.need("schema_registry_url"))
    topic = [
        ["      name: shop_clicks", f"      name: {TOPIC}"],
        ["physicalName: shop_clicks", f"physicalName: {TOPIC}"],
    ]
    case = {"remove": ["people", "system"], "edit": {"clicks/contract.odcs.yaml": topic}}
    return tree(tmp_path, case)


def checked(project: Project, capsys) -> dict[str, Any]:
    command = ["check", "--against", "registry", "--format", "json"]
    code = run(["--project", str(project.root), *command])
    printed = capsys.readouterr()
    assert (code in (0, 1), printed.err) == (True, "")
    report: dict[str, Any] = json.loads(printed.out)
    return report


def register(stack: RunningStack, project: Project, version: str) -> None:
    text = (project.contracts / f"clicks/versions/{version}.avsc").read_text()
    with Registry.of(stack.endpoints) as registry:
        registry.register(VALUE, Schema.parse(text))


def test_a_registry_as_the_base(stack: RunningStack, project: Project, capsys) -> None:
    assert checked(project, capsys)["streams"][0]["state"] == "new"

    register(stack, project, "value.v1")
    report = checked(project, capsys)
    assert re.fullmatch(r"the registry at http://.*", report["against"])
    assert ":***@" in report["against"] or "@" not in report["against"]

    edit(project.contracts / "clicks/value.avsc", [['"fields": [', f'"fields": [{PAGE},']])
    assert run(["--project", str(project.root), "release", "clicks"]) == 0
    capsys.readouterr()
    (stream,) = checked(project, capsys)["streams"]
    assert stream["state"] == "changed"
    assert stream["difference"]["words"][0] == 'adds `page` (string, default "")'
    assert [verdict["outcome"] for verdict in stream["verdicts"]] == ["ok", "ok", "ok"]

    register(stack, project, "value.v2")
    (project.contracts / "clicks/versions/value.v2.avsc").unlink()
    found = {one["rule"]: one["message"] for one in checked(project, capsys)["findings"]}
    assert found["RELEASED_VERSION_KEPT"] == "value.v2.avsc was released and is gone"
