from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from contractline.avro.schema import Schema
from contractline.cli import run
from contractline.contracts.load import contract_named, load_contracts
from contractline.project import Project

BASE = Path(__file__).parents[2] / "cases" / "contracts" / "base"
ORDERS = [
    {"order_id": 1, "customer": "Ada", "total": 1.5, "placed_at": "2026-01-05T10:00:00Z"},
    {
        "order_id": 2,
        "customer": "Bob",
        "total": 2,
        "placed_at": "2026-01-05T10:00:00Z",
        "note": "x",
    },
]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "checkout"
    shutil.copytree(BASE, root / "contracts")
    (root / "clickhouse_ddl" / "streams").mkdir(parents=True)
    (root / "tests" / "cases").mkdir(parents=True)
    assert run(["--project", str(root), "generate", "tables"]) == 0
    return root


@pytest.fixture
def make(root, capsys):
    """Make a stream from a file; give the exit code and all that was said."""

    def command(name: str, file: Path, *options: str) -> tuple[int, str]:
        words = ("new", "stream", name, "--from", str(file), "--owner", "sales", *options)
        code = run(["--project", str(root), *words])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return command


def sample(folder: Path, *records: object) -> Path:
    file = folder / "orders.jsonl"
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return file


def tree(root: Path) -> set[str]:
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}


def test_a_sample_becomes_a_stream_that_keeps_the_rules(root, tmp_path, make):
    before = tree(root)

    code, said = make("orders", sample(tmp_path, *ORDERS), "--key", "order_id")

    assert code == 0, said
    assert tree(root) - before == {
        *(f"contracts/orders/{name}" for name in ("contract.odcs.yaml", "value.avsc", "key.avsc")),
        *("contracts/orders/CHANGELOG.md", "contracts/orders/versions/SHA256SUMS"),
        *("contracts/orders/versions/value.v1.avsc", "contracts/orders/versions/key.v1.avsc"),
        *("clickhouse_ddl/streams/orders.sql", "tests/cases/streams/orders.jsonl"),
    }
    contract = contract_named(load_contracts(Project(root)), "orders")
    assert (contract.owner, contract.topic.cleanup, contract.key_fields) == (
        *("sales", "compact"),
        ("order_id",),
    )
    assert contract.sink is not None
    assert contract.sink.current == "streams.orders"
    assert [field["name"] for field in contract.values[0].schema.fields] == [
        *("order_id", "customer", "total", "placed_at", "note"),
    ]
    assert run(["--project", str(root), "check"]) == 0
    assert "ORDER BY (order_id)" in (root / "clickhouse_ddl/streams/orders.sql").read_text()
    kept = (root / "tests/cases/streams/orders.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in kept] == ORDERS


def test_without_a_key_records_are_rows_of_their_own(root, tmp_path, make):
    code, said = make("clicks_raw", sample(tmp_path, *ORDERS))
    assert code == 0, said
    assert "without a key no record replaces another" in said
    contract = contract_named(load_contracts(Project(root)), "clicks_raw")
    assert (contract.topic.cleanup, contract.key) == ("delete", None)


def test_a_schema_becomes_a_stream_with_a_doc_for_each_field(root, tmp_path, make):
    file = tmp_path / "orders.avsc"
    home = {"type": "record", "name": "Home", "fields": [{"name": "city", "type": "string"}]}
    fields = [
        {"name": "order_id", "type": "string", "doc": "What the shop calls it."},
        {"name": "home", "type": home},
    ]
    file.write_text(json.dumps({"type": "record", "name": "Order", "fields": fields}))

    code, said = make("orders", file, "--key", "order_id")

    assert code == 0, said
    value = Schema.read(root / "contracts/orders/value.avsc")
    docs = [field["doc"] for _, field in value.all_fields()]
    assert docs == ["What the shop calls it.", "Home: record Home.", "City: string."]
    assert run(["--project", str(root), "check"]) == 0


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("clicks", "contracts/ holds a folder of that name already"),
        ("heartbeat", "contracts/ holds a folder of that name already"),
        ("system", "contracts/ holds a folder of that name already"),
        ("Orders", "tables and folders are called after it"),
        ("1st", "tables and folders are called after it"),
        ("../out", "tables and folders are called after it"),
    ],
)
def test_a_name_that_can_t_be_is_refused(name, problem, tmp_path, make, root):
    before = tree(root)
    code, said = make(name, sample(tmp_path, *ORDERS))
    assert (code, tree(root)) == (2, before)
    assert problem in said


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([{"a": 1}, {"a": "x"}], "SAMPLE_TYPES_CLEAR at $.a: is a whole number in record 1, text"),
        (
            [{"lines": [{"sku": "x"}, None]}],
            "SINK_RECORD_FLAT at $.fields[0].type: `lines` is a list of records that may be null",
        ),
        ([{"_offset": 1}], "`_offset` is a column of ClickHouse's Kafka engine"),
    ],
)
def test_what_can_t_become_a_stream_is_named_and_nothing_is_written(
    records, words, tmp_path, make, root
):
    before = tree(root)
    code, said = make("orders", sample(tmp_path, *records))
    assert (code, tree(root)) == (1, before)
    assert words in said
    assert "orders is not made: 1 error" in said


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("id", "the key field `id` is not a field of the record"),
        ("note", "the key field `note` is null or string, which can't be a key"),
        ("total", "the key field `total` is double, which can't be a key"),
    ],
)
def test_a_key_that_can_t_be_is_refused(key, problem, tmp_path, make):
    code, said = make("orders", sample(tmp_path, *ORDERS), "--key", key)
    assert code == 2
    assert problem in said
    assert "fields that are never null: order_id, customer, placed_at" in said


@pytest.mark.parametrize("content", [None, "", "nope", "[]", "3"])
def test_a_sample_that_holds_no_records_is_refused(content, tmp_path, make):
    file = tmp_path / "orders.jsonl"
    if content is not None:
        file.write_text(content)
    code, said = make("orders", file)
    assert code == 2
    assert f"error: {file}: " in said


@pytest.mark.parametrize(
    ("stream", "writer"),
    [("people", "Debezium, from the table public.people"), ("heartbeat", "the machinery itself")],
)
def test_records_are_not_sent_to_what_somebody_else_writes(stream, writer, root, tmp_path, capsys):
    file = tmp_path / "records.jsonl"
    file.write_text("{}\n")
    assert run(["--project", str(root), "produce", stream, str(file)]) == 2
    assert f"{stream}: is written by {writer}" in capsys.readouterr().err


def test_the_table_is_not_in_somebody_else_s_database(root, tmp_path, make):
    file = sample(tmp_path, *ORDERS)

    code, said = make("orders", file, "--key", "order_id")
    assert (code, "table streams.orders, owner sales" in said) == (0, True), said
    assert "table shop.parcels" in make("parcels", file, "--database", "shop")[1]
    # The next one of the same owner joins most of the others.
    assert "table shop.returns" in make("returns", file, "--database", "shop")[1]
    assert "table shop.baskets" in make("baskets", file)[1]


def test_doubles_are_named_with_what_is_exact(root, tmp_path, make):
    records = [
        {"id": 1, "total": 1.5, "home": {"rate": 0.5}, "prices": [0.1], "n": 3, "text": "1.5"}
    ]

    said = make("orders", sample(tmp_path, *records))[1]

    assert "  - total, home.rate, prices: a double, which holds most decimal fractions" in said
    assert '"logicalType": "decimal"' in said
    assert "a double" not in make("plain", sample(tmp_path, {"id": 1}))[1]
