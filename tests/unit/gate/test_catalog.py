from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import html5lib
import pytest

from contractline.catalog.graph import Graph, GraphNode
from contractline.catalog.pages import Catalog, StreamPage, catalog
from contractline.catalog.pictures import mermaid, picture
from contractline.catalog.render import html, markdown
from contractline.clickhouse.ddl import stream_files
from contractline.contracts.load import load_drafts
from contractline.errors import ContractsInvalid
from contractline.project import Project

ROOT = Path(__file__).parents[3]
HTML = "{http://www.w3.org/1999/xhtml}"
PAGE = '"fields": [{"name": "page", "type": "string", "default": "", "doc": "Address."},'


@pytest.fixture
def shop(project):
    """Two streams with their tables, a view, a question and a panel."""
    clicks = project.contracts / "clicks"
    text = (clicks / "value.avsc").read_text().replace('"fields": [', PAGE)
    (clicks / "value.avsc").write_text(text)
    (clicks / "versions" / "value.v2.avsc").write_text(text)
    for file, sql in stream_files(project, [d.complete for d in load_drafts(project)]).items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(sql)
    (project.ddl / "v.sql").write_text("CREATE VIEW reporting.v AS SELECT person FROM shop.clicks;")
    (project.root / "reports").mkdir()
    (project.root / "reports" / "who.sql").write_text("SELECT person FROM v")
    (project.root / "reports" / "board.yaml").write_text("title: Board\npanels: [who]\n")
    return project


def stream(found: Catalog, name: str) -> StreamPage:
    return next(one for one in found.streams if one.name == name)


def parsed(text: str) -> ET.Element:
    """Return the tree of a page; a mistake in the page is an error."""
    tree: ET.Element = html5lib.HTMLParser(strict=True).parse(text)
    return tree


def texts(tree: ET.Element, tag: str) -> list[str]:
    return ["".join(one.itertext()).strip() for one in tree.iter(HTML + tag)]


def test_what_is_told_of_a_stream(shop):
    found = catalog(shop)
    assert [one.name for one in found.streams] == ["clicks", "people", "heartbeat"]
    assert [one.is_system for one in found.streams] == [False, False, True]
    clicks = stream(found, "clicks")
    assert clicks.purpose == "What visitors of the shop click."
    assert clicks.facts["owner"] == "web"
    assert clicks.facts["promised latency"] == "500 ms"
    assert clicks.pii == ("person",)
    assert [(one.number, one.changes) for one in clicks.versions] == [
        (2, ('adds `page` (string, default "")',)),
        (1, ("first release",)),
    ]
    fields = {one.name: one for one in clicks.fields}
    person = fields["person"]
    assert (person.type, person.default, person.meaning) == (
        "null or string",
        "null",
        "Who, when known.",
    )
    assert (person.classification, person.column) == ("pii", "person Nullable(String)")
    assert person.readers == ("Board", "reporting.v", "who")
    assert fields["click"].is_key
    assert not person.is_key
    assert fields["seen_at"].readers == ()


def test_the_way_from_source_to_reader(shop):
    edges = {(a.name, b.name) for a, b in stream(catalog(shop), "clicks").graph.edges}
    assert edges == {
        ("producer of clicks", "shop_clicks"),
        ("shop_clicks", "ingestion.clicks_queue"),
        ("ingestion.clicks_queue", "ingestion.clicks"),
        ("ingestion.clicks", "shop.clicks"),
        ("ingestion.clicks", "ingestion.errors"),
        ("ingestion.clicks", "ingestion.arrivals"),
        ("shop.clicks", "reporting.v"),
        ("reporting.v", "who"),
        ("who", "Board"),
    }


def test_the_way_of_all_leaves_the_inside_out(shop):
    edges = {(a.name, b.name) for a, b in catalog(shop).graph.edges}
    assert ("shop_clicks", "shop.clicks") in edges
    assert not [one for edge in edges for one in edge if one.startswith("ingestion.")]


def test_metadata_of_debezium_is_no_column_of_the_tables(shop):
    columns = {one.name: one.column for one in stream(catalog(shop), "people").fields}
    assert columns["city"] == "city Nullable(String)"
    assert columns["__lsn"] == ""
    meanings = {one.name: one.meaning for one in stream(catalog(shop), "people").fields}
    assert meanings["__deleted"].endswith("the column is_deleted.")


def test_the_page_is_valid_and_accessible(shop):
    tree = parsed(html(catalog(shop)))
    assert tree.get("lang") == "en"
    assert texts(tree, "title")[0] == "Catalog of streams"
    assert texts(tree, "h1") == ["Catalog of streams"]
    assert texts(tree, "h2") == ["clicks clicks", "people people", "heartbeat heartbeat"]
    levels = [
        int(one.tag[-1]) for one in tree.iter() if re.fullmatch(rf"{HTML}h[1-6]", str(one.tag))
    ]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    tables, captions = list(tree.iter(HTML + "table")), texts(tree, "caption")
    assert len(captions) == len(tables)
    assert len(set(captions)) == len(captions)
    assert all(one.get("scope") in ("row", "col") for one in tree.iter(HTML + "th"))
    ids = [one.get("id") for one in tree.iter() if one.get("id")]
    assert len(set(ids)) == len(ids)
    links = [one.get("href") or "" for one in tree.iter(HTML + "a")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    labelled = [one.get("aria-labelledby") for one in tree.iter() if one.get("aria-labelledby")]
    assert set(labelled) <= set(ids)


def test_the_page_needs_nothing_else(shop):
    page = html(catalog(shop))
    tree = parsed(page)
    assert not list(tree.iter(HTML + "script")) + list(tree.iter(HTML + "link"))
    assert not [one for one in tree.iter() if one.get("src")]
    assert "url(" not in page
    assert "@import" not in page
    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}


HOSTILE = "</title><script>alert(1)</script> | `x` <img src=x onerror=y> {{ 7*7 }} \"'&amp;"


def test_hostile_words_are_shown_as_they_are(shop):
    document = shop.contracts / "clicks" / "contract.odcs.yaml"
    text = document.read_text().replace("id: clicks\n", f"id: clicks\nname: >-\n  {HOSTILE}\n")
    text = text.replace("What visitors of the shop click.", ">-\n    " + HOSTILE)
    document.write_text(text)
    schema = shop.contracts / "clicks" / "value.avsc"
    quoted = HOSTILE.replace('"', '\\"')
    schema.write_text(
        schema.read_text()
        .replace("Who, when known.", quoted)
        .replace('"default": ""', f'"default": "{quoted}"')
    )
    found = catalog(shop)
    tree = parsed(html(found))
    assert not list(tree.iter(HTML + "script")) + list(tree.iter(HTML + "img"))
    assert HOSTILE in "".join(tree.itertext()).replace("\n", " ")
    shown = HOSTILE.replace("`", "")
    assert any(shown in one for one in texts(tree, "td"))
    page = markdown(found).partition("-->\n")[2]
    words = re.sub(r"(?s)```.*?```", "", page)
    words = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", words.replace("\\`", ""))
    assert not re.search(r"(?<!\\)<", words)
    row = next(line for line in page.splitlines() if line.startswith("| `person`"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


def test_hostile_names_in_pictures():
    node, other = GraphNode("source", 'a"]; click n1 "javascript:x" <b>&`'), GraphNode("topic", "t")
    graph = Graph.of([(node, other)])
    drawn = mermaid(graph)
    assert drawn.splitlines()[1].count('"') == 2
    assert "<b>" not in drawn
    assert "javascript:" not in drawn


def test_the_same_contracts_give_the_same_bytes(shop, tmp_path):
    copy = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(shop.root, copy, ignore=shutil.ignore_patterns("elsewhere"))
    first, second = catalog(shop), catalog(Project(copy))
    assert (html(first), markdown(first)) == (html(second), markdown(second))


def test_what_could_not_be_read_is_said(shop):
    (shop.ddl / "broken.sql").write_text("CREATE VIEW reporting.b AS SELECT (;")
    (shop.root / "reports" / "broken.yaml").write_text("a: [")
    found = catalog(shop)
    assert found.unread == ("clickhouse_ddl/broken.sql", "reports/broken.yaml")
    assert "clickhouse_ddl/broken.sql" in html(found)
    assert "`reports/broken.yaml`" in markdown(found)


def test_contracts_that_can_not_be_read_make_no_catalog(shop):
    (shop.contracts / "clicks" / "value.avsc").write_text("{")
    with pytest.raises(ContractsInvalid):
        catalog(shop)


def test_columns_of_a_graph_follow_the_longest_way():
    a, b, c, d = (GraphNode("n", name) for name in "abcd")
    graph = Graph.of([(a, b), (b, c), (a, c)], [d])
    assert graph.columns == ((a, d), (b,), (c,))
    assert graph.behind(b) == Graph.of([(b, c)])
    assert graph.without(lambda node: node == b) == Graph.of([(a, c)], [d])


def test_a_graph_in_a_circle_ends():
    a, b = GraphNode("n", "a"), GraphNode("n", "b")
    graph = Graph.of([(a, b), (b, a)])
    assert sorted(node for column in graph.columns for node in column) == [a, b]
    assert len(picture(graph).paths) == 2
    assert graph.behind(a) == graph


def test_boxes_do_not_overlap(shop):
    boxes = picture(stream(catalog(shop), "clicks").graph).boxes
    for one in boxes:
        for other in boxes:
            apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert one is other or apart_x or abs(one.y - other.y) >= 44


def test_the_committed_catalog_is_that_of_the_contracts():
    wanted = markdown(catalog(Project(ROOT)))
    present = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
    assert present == wanted, "`contractline generate catalog` writes it"
