"""Cut published schemas down to what deploy/ uses, one step further: python -m ... FOLDER...

The folders hold whole schemas, a file a kind (deployment-apps-v1.json, kafka_v1.json). Of an object
that a manifest has, every field is kept by name, so that a misspelt one is found; what stands below a
field that no manifest has is left out. tests/data/kubernetes/README.md says where they come from.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.packaging.kubernetes.manifests import SCHEMAS, described

Schema = dict[str, Any]

_ANY = "x-kubernetes-preserve-unknown-fields"
_KEPT = (
    "type", "enum", "pattern", "minimum", "maximum", "minItems", "minLength", "maxLength",
    "required", "oneOf", "anyOf", _ANY,
)  # fmt: skip


def trim(schema: Schema, values: list[Any], file: Path) -> Schema:
    """Return what of a schema these values are held against."""
    schema, file = _resolved(schema, file)
    kept = {key: schema[key] for key in _KEPT if key in schema}
    objects = [value for value in values if isinstance(value, dict)]
    names = schema.get("properties", {})
    if names and objects:
        kept["properties"] = {
            name: trim(sub, [o[name] for o in objects if name in o], file)
            if any(name in o for o in objects)
            else {}
            for name, sub in sorted(names.items())
        }
    else:
        kept.pop("required", None)
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        rest = [v for o in objects for k, v in o.items() if k not in names]
        kept["additionalProperties"] = trim(others, rest, file)
    elif names and objects and not schema.get(_ANY):
        kept["additionalProperties"] = False
    if "items" in schema:
        elements = [e for value in values if isinstance(value, list) for e in value]
        kept["items"] = trim(schema["items"], elements, file) if elements else {}
    return kept


def _resolved(schema: Schema, file: Path) -> tuple[Schema, Path]:
    while "$ref" in schema:
        where, _, pointer = schema["$ref"].partition("#/")
        file = file.with_name(Path(where).name) if where else file
        schema = json.loads(file.read_text())
        for part in pointer.split("/"):
            schema = schema[part]
    return schema, file


def main(folders: list[str]) -> None:
    """Write the schema of every kind of resource in deploy/."""
    values = defaultdict(list)
    for name, resource in described():
        values[name].append(resource)
    for name, found in values.items():
        places = [p for f in folders for p in Path(f).glob(f"{name}[_-]*v1.json")]
        (file,) = places
        trimmed = trim(json.loads(file.read_text()), found, file)
        (SCHEMAS / f"{name}.json").write_text(f"{json.dumps(trimmed, separators=(',', ':'))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
