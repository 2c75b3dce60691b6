"""Whether a connector's template lets a null pass where its field has a default. Pure.

Kafka Connect answers with the default; the unwrap transform and the converter each have to be told
not to ask in that way.
"""

from __future__ import annotations

from collections.abc import Mapping

KEEP_NULLS = "contractline.connect.KeepNulls"
"""The transform of connect/plugin that hands the converter the nulls."""

_UNWRAP = ".ExtractNewRecordState"
_KEPT_BY_UNWRAP = "replace.null.with.default"
_KEPT_BY_CONVERTER = "value.converter.ignore.default.for.nullables"


def nulls_become_defaults(template: Mapping[str, object]) -> str:
    """Return what a template lacks to keep nulls beside a default; empty when it keeps them."""
    names = [name.strip() for name in str(template.get("transforms", "")).split(",")]
    types = {name: str(template.get(f"transforms.{name}.type", "")) for name in names if name}
    missing = [
        f'"transforms.{name}.{_KEPT_BY_UNWRAP}": "false"'
        for name, kind in types.items()
        if kind.endswith(_UNWRAP)
        and template.get(f"transforms.{name}.{_KEPT_BY_UNWRAP}") != "false"
    ]
    last = list(types.values())[-1:]
    if last != [KEEP_NULLS] and template.get(_KEPT_BY_CONVERTER) != "true":
        missing.append(f"the transform {KEEP_NULLS} as the last one")
    return " and ".join(missing)
