"""deploy/ as it is written, and the schemas of what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
SCHEMAS = ROOT / "tests" / "data" / "kubernetes"
Resource = dict[str, Any]

# Files for kustomize itself; the rest are resources.
_KUSTOMIZE = {"kustomization.yaml", "images.yaml"}


@cache
def resources() -> tuple[Resource, ...]:
    """Return every resource of deploy/."""
    files = sorted(file for file in DEPLOY.glob("*.yaml") if file.name not in _KUSTOMIZE)
    return tuple(one for file in files for one in yaml.safe_load_all(file.read_text()))


def resource(kind: str, name: str) -> Resource:
    """Return one of them."""
    (found,) = (r for r in resources() if (r["kind"], r["metadata"]["name"]) == (kind, name))
    return found


def described() -> Iterator[tuple[str, Resource]]:
    """Return every resource with the name of its schema.

    The operator of ClickHouse lets templates hold anything, and puts it into pods and claims: those
    are here as the resources that they become.
    """
    for one in resources():
        yield one["kind"].lower(), one
        if one["kind"] == "ClickHouseInstallation":
            templates = one["spec"]["templates"]
            for pod in templates["podTemplates"]:
                yield "pod", {"apiVersion": "v1", "kind": "Pod", "spec": pod["spec"]}
            for claim in templates["volumeClaimTemplates"]:
                kind = "PersistentVolumeClaim"
                yield kind.lower(), {"apiVersion": "v1", "kind": kind, "spec": claim["spec"]}


def schema(name: str) -> dict[str, Any]:
    """Return a schema, as tests/data/kubernetes holds it."""
    read: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return read


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the pods that are described in full: the owner's name and the specification."""
    for name, one in described():
        if name in {"deployment", "job"}:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        elif name == "pod":
            yield "clickhouse", one["spec"]
