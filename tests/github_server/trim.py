"""Cut GitHub's published schemas down to what the server serves: ``python -m tests.github_server.trim``.

Cutting removes whole paths, types and fields and changes nothing that stays, so that a query or an
answer which the result accepts is one that the published schema accepts.

    npm pack @octokit/graphql-schema@15.26 @octokit/openapi@23.0     (and unpack both)
    python -m tests.github_server.trim GRAPHQL/schema.graphql OPENAPI/generated/api.github.com.json
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    EnumTypeDefinitionNode,
    InputObjectTypeDefinitionNode,
    NamedTypeNode,
    ScalarTypeDefinitionNode,
    TypeNode,
    parse,
    print_ast,
)

DATA = Path(__file__).parent / "data"

TYPES = {
    "Query": {"repository", "organization", "rateLimit", "viewer"},
    "RateLimit": None,
    "Organization": {"id", "login", "name", "repositories"},
    "RepositoryConnection": None,
    "Repository": {
        *("id", "databaseId", "name", "nameWithOwner", "isEmpty", "isArchived", "isPrivate"),
        *("isFork", "diskUsage", "defaultBranchRef", "object", "ref", "refs", "url", "pushedAt"),
    },
    "RefConnection": None,
    "Ref": {"id", "name", "prefix", "target"},
    "PageInfo": None,
    "GitObject": None,
    "Commit": {
        *("abbreviatedOid", "additions", "author", "authors", "authoredByCommitter"),
        *("authoredDate", "changedFiles", "changedFilesIfAvailable", "committedDate", "committer"),
        *("deletions", "history", "id", "message", "messageBody", "messageHeadline", "oid"),
        *("parents", "url", "committedViaWeb"),
    },
    "GitActor": None,
    "GitActorConnection": None,
    "User": {"id", "login", "name", "databaseId", "url"},
    "CommitHistoryConnection": None,
    "CommitConnection": None,
}
"""The object and interface types that stay, and their fields: None for all that lead to these."""

PATHS = {
    "/rate_limit": "get",
    "/repos/{owner}/{repo}": "get",
    "/repos/{owner}/{repo}/commits": "get",
    "/repos/{owner}/{repo}/commits/{ref}": "get",
    "/repos/{owner}/{repo}/branches": "get",
    "/repos/{owner}/{repo}/branches/{branch}": "get",
    "/repos/{owner}/{repo}/compare/{basehead}": "get",
    "/orgs/{org}/repos": "get",
    "/app/installations/{installation_id}/access_tokens": "post",
}

_DROPPED = frozenset({"example", "examples", "description", "externalDocs", "summary", "tags"})


def trimmed_graphql(text: str) -> str:
    """Return the part of a schema that :data:`TYPES` names."""
    document = parse(text, no_location=True)
    named = {d.name.value: d for d in document.definitions if hasattr(d, "name")}
    leaves = {n for n, d in named.items() if isinstance(d, _LEAVES)}
    leaves |= {"String", "Int", "Float", "Boolean", "ID"}
    kept: list[Any] = []
    used: set[str] = set()
    for name, wanted in TYPES.items():
        node: Any = named[name]
        fields = [
            field
            for field in node.fields
            if (wanted is None or field.name.value in wanted)
            and (_name(field.type) in TYPES or _name(field.type) in leaves)
        ]
        missing = (wanted or set()) - {field.name.value for field in fields}
        assert not missing, f"{name} has no {missing}"
        for field in fields:
            used |= {_name(field.type), *(_name(a.type) for a in field.arguments or ())}
        interfaces = [i for i in node.interfaces or () if i.name.value in TYPES]
        kept.append(
            type(node)(**_parts(node) | {"fields": tuple(fields), "interfaces": tuple(interfaces)})
        )
    todo = sorted(used - set(TYPES))
    done: set[str] = set()
    while todo:
        name = todo.pop()
        leaf: Any = named.get(name)
        if name in done or leaf is None:
            continue
        done.add(name)
        kept.append(leaf)
        if isinstance(leaf, InputObjectTypeDefinitionNode):
            todo += [_name(field.type) for field in leaf.fields or ()]
    shown = print_ast(DocumentNode(definitions=tuple(_bare(d) for d in kept)))
    # Directives for GitHub's own documentation are not declared in the part that stays.
    return re.sub(r" @(?!deprecated)\w+(\([^)]*\))?", "", shown) + "\n"


_LEAVES = (ScalarTypeDefinitionNode, EnumTypeDefinitionNode, InputObjectTypeDefinitionNode)


def _name(node: TypeNode) -> str:
    while not isinstance(node, NamedTypeNode):
        node = node.type  # type: ignore[attr-defined]
    return node.name.value


def _parts(node: Any) -> dict[str, Any]:
    return {key: getattr(node, key) for key in node.keys if key != "loc"}


def _bare(node: Any) -> Any:
    """Return a definition without its descriptions."""
    parts = _parts(node) | {"description": None}
    for key in ("fields", "values", "arguments"):
        if parts.get(key):
            parts[key] = tuple(_bare(part) for part in parts[key])
    return type(node)(**parts)


def trimmed_openapi(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a description that :data:`PATHS` names."""
    paths = {}
    for path, verb in PATHS.items():
        responses = whole["paths"][path][verb]["responses"]
        paths[path] = {verb: {"responses": _plain(responses)}}
    components: dict[str, dict[str, Any]] = {}
    todo = _references(paths)
    while todo:
        _, _, kind, name = todo.pop().split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _plain(whole["components"][kind][name])
            todo += _references(components[kind][name])
    return {
        "openapi": whole["openapi"],
        "info": {"title": whole["info"]["title"], "version": whole["info"]["version"]},
        "paths": paths,
        "components": {kind: dict(sorted(parts.items())) for kind, parts in components.items()},
    }


def _plain(node: Any, *, is_named: bool = False) -> Any:
    """Return a description without its prose and examples."""
    if isinstance(node, dict):
        return {
            key: _plain(value, is_named=key == "properties")
            for key, value in node.items()
            if is_named or (key not in _DROPPED and not key.startswith("x-"))
        }
    return [_plain(item) for item in node] if isinstance(node, list) else node


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [r for value in node.values() for r in _references(value)]
    return [r for item in node for r in _references(item)] if isinstance(node, list) else []


def main() -> None:
    """Write both files."""
    graphql, openapi = (Path(argument) for argument in sys.argv[1:])
    (DATA / "schema.graphql").write_text(trimmed_graphql(graphql.read_text()))
    described = trimmed_openapi(json.loads(openapi.read_text()))
    (DATA / "openapi.json").write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
