"""Native queries as Metabase keeps, shows and runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_TAG = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)

STAGES_SINCE = 57
"""The version from which queries are kept as stages."""
TAG_LIST_SINCE = 64
"""The version from which the template tags of a stage are a list."""


class QueryInvalid(Exception):
    """When Metabase would refuse to keep or run a query."""


def stored(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query as the server keeps it: legacy native form, whatever came."""
    if query.get("lib/type") == "mbql/query":
        stage = query["stages"][0]
        native = {"query": stage["native"], "template-tags": stage.get("template-tags", {})}
    else:
        native = dict(query["native"])
    used = set(_TAG.findall(native["query"]))
    known = set(native.get("template-tags", {}))
    if used - known:
        raise QueryInvalid(f"the query uses tags that it does not declare: {sorted(used - known)}")
    return {"database": query["database"], "type": "native", "native": native}


def shown(query: Mapping[str, Any], version: int, *, legacy: bool) -> dict[str, Any]:
    """Return a kept query as an answer gives it."""
    if legacy or version < STAGES_SINCE:
        return dict(query)
    tags = query["native"].get("template-tags", {})
    stage = {
        "lib/type": "mbql.stage/native",
        "native": query["native"]["query"],
        "template-tags": list(tags.values()) if version >= TAG_LIST_SINCE else tags,
    }
    return {"lib/type": "mbql/query", "database": query["database"], "stages": [stage]}


def expanded(native: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return the SQL that Metabase sends: values in place of tags, optional parts decided.

    Args:
        native: the kept query.
        values: what was chosen, by the name of the tag; the tag's default holds otherwise.

    Raises:
        QueryInvalid: a tag outside of an optional part has no value.
    """
    tags = native.get("template-tags", {})
    chosen = {name: tag.get("default") for name, tag in tags.items()}
    chosen |= {name: value for name, value in values.items() if name in tags}
    held = {name: value for name, value in chosen.items() if value not in (None, "", [])}

    def optional(part: re.Match[str]) -> str:
        return part[1] if set(_TAG.findall(part[1])) <= held.keys() else ""

    def value(tag: re.Match[str]) -> str:
        if tag[1] not in held:
            raise QueryInvalid(f"You'll need to pick a value for '{tag[1]}'.")
        return _literal(held[tag[1]], tags[tag[1]]["type"])

    return _TAG.sub(value, _OPTIONAL.sub(optional, native["query"]))


def _literal(value: Any, kind: str) -> str:
    if isinstance(value, list):
        return ", ".join(_literal(item, kind) for item in value)
    if kind == "number":
        return json.dumps(value if isinstance(value, int | float) else float(value))
    if kind == "boolean":
        return "true" if value else "false"
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
