"""GitHub's published OpenAPI description: answers are checked against it, and made up from it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

DATA = Path(__file__).parent / "data"
DESCRIPTION: dict[str, Any] = json.loads((DATA / "openapi.json").read_text())


class NotAsPublished(AssertionError):
    """When the server would have answered something that GitHub does not."""


def check(template: str, status: int, data: Any, verb: str = "get") -> None:
    """See that an answer is one that GitHub's description allows.

    Raises:
        NotAsPublished: it is not.
    """
    validator = _validator(template, verb, str(status))
    if validator is None:
        return
    for error in validator.iter_errors(data):
        raise NotAsPublished(f"{verb} {template} {status}: {error}")


@cache
def _validator(template: str, verb: str, status: str) -> Any:
    responses = DESCRIPTION["paths"][template][verb]["responses"]
    if status not in responses:
        # 401, 422, 429 and 5xx are answers to anything.
        return None
    content = _resolved(responses[status]).get("content")
    if not content:
        return None
    schema = {
        **_json_schema(content["application/json"]["schema"]),
        "components": _json_schema(DESCRIPTION["components"]),
    }
    return jsonschema_rs.Draft4Validator(schema, validate_formats=True)


def _json_schema(node: Any) -> Any:
    """Return JSON Schema for OpenAPI 3.0, which says `nullable` where the other says null."""
    if isinstance(node, list):
        return [_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _json_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [{"enum": [None]}, kept]} if node.get("nullable") is True else kept


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = DESCRIPTION
        for part in node["$ref"].split("/")[1:]:
            found = found[part]
        node = found
    return node


def sample(schema: str, /, **values: Any) -> dict[str, Any]:
    """Return an object of a published schema: made up where it is required, else as given."""
    made = _made(DESCRIPTION["components"]["schemas"][schema])
    assert isinstance(made, dict)
    return made | values


def _made(node: dict[str, Any]) -> Any:
    node = _resolved(node)
    if node.get("nullable") is True:
        return None
    if choices := node.get("anyOf") or node.get("oneOf"):
        return _made(choices[0])
    if "allOf" in node:
        merged: dict[str, Any] = {}
        for part in node["allOf"]:
            merged |= _made(part)
        return merged
    if node.get("enum"):
        return node["enum"][0]
    kind = node.get("type")
    if kind == "object":
        properties = node.get("properties", {})
        return {name: _made(properties.get(name, {})) for name in node.get("required", ())}
    if kind in _PLAIN:
        return _PLAIN[kind]
    return _TEXTS.get(node.get("format", ""), "")


_PLAIN: dict[str, Any] = {"array": [], "integer": 0, "number": 0, "boolean": False}
_TEXTS = {"uri": "https://example.com", "date-time": "2020-01-01T00:00:00Z"}
