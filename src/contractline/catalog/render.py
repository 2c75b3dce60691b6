"""The catalog as a page of its own, and as Markdown. The same contracts give the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contractline.catalog.pages import Catalog, StreamPage
from contractline.catalog.pictures import mermaid, picture
from contractline.markdown import block, code, prose, table

NAME = "catalog.md"
"""The file of the catalog in Markdown."""

_CODE = re.compile(r"`([^`]+)`")


def html(catalog: Catalog) -> str:
    """Return one page that needs nothing else: no script, no font, no network."""
    environment = Environment(
        loader=PackageLoader("contractline", "catalog"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["marked"] = _marked
    return environment.get_template("page.html.j2").render(
        streams=catalog.streams,
        graph=picture(catalog.graph),
        pictures={stream.name: picture(stream.graph) for stream in catalog.streams},
        anchors={s.name: f"stream-{number}" for number, s in enumerate(catalog.streams, 1)},
        unread=catalog.unread,
    )


def _marked(words: str) -> Markup:
    """Return words with what stands between backticks as code."""
    parts = _CODE.split(words)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if position % 2 else part
        for position, part in enumerate(parts)
    )


def markdown(catalog: Catalog) -> str:
    """Return the catalog as Markdown with Mermaid diagrams."""
    headings = ("stream", "what it is for", "owner", "topic", "table", "version", "personal data")
    rows = [headings, *(_row(stream) for stream in catalog.streams)]
    blocks = [
        "<!-- Generated from the contracts by `contractline generate catalog`. -->",
        "# Catalog of streams",
        "What flows here, what it means, who answers for it, and who reads it.",
    ]
    if catalog.unread:
        files = ", ".join(code(file) for file in catalog.unread)
        blocks.append(f"Not everything could be read, so a reader may be missing: {files}.")
    blocks += [table(rows), block(mermaid(catalog.graph), "mermaid")]
    for stream in catalog.streams:
        blocks += _stream(stream)
    return "\n\n".join(blocks) + "\n"


def _row(stream: StreamPage) -> tuple[str, ...]:
    version = f"v{stream.versions[0].number}" if stream.versions else "none"
    return (
        code(stream.name),
        prose(stream.purpose),
        prose(stream.facts.get("owner", "")),
        code(stream.facts.get("topic", "")),
        code(stream.facts.get("table", "")),
        version,
        ", ".join(code(name) for name in stream.pii) or "none",
    )


def _stream(stream: StreamPage) -> Iterator[str]:
    yield f"## {prose(stream.title)}"
    yield prose(stream.purpose)
    facts = [("fact", "value"), *stream.facts.items()]
    yield table([(prose(label), prose(words)) for label, words in facts])
    yield "### Fields"
    headings = ("field", "meaning", "type", "default", "class", "ClickHouse column", "read by")
    rows = [
        (
            code(field.name) + (" (key)" if field.is_key else ""),
            prose(field.meaning),
            prose(field.type),
            code(field.default),
            prose(field.classification),
            code(field.column),
            prose(", ".join(field.readers)),
        )
        for field in stream.fields
    ]
    yield table([headings, *rows])
    yield "### Versions"
    versions = [
        (f"v{version.number}", "; ".join(prose(words) for words in version.changes))
        for version in stream.versions
    ]
    yield table([("version", "what changed"), *versions])
    yield "### From source to reader"
    yield block(mermaid(stream.graph), "mermaid")
