"""``contractline new stream`` as its user has it: from nothing to rows in ClickHouse, without Python."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from tests.integration.streams.conftest import Shop
from tests.integration.targets.lab import until

TABLE = """
CREATE TYPE state AS ENUM ('new', 'paid', 'sent');
CREATE DOMAIN short AS varchar(20);
CREATE TABLE orders (
  id        bigserial PRIMARY KEY,
  uid       uuid NOT NULL DEFAULT gen_random_uuid(),
  customer  short NOT NULL,
  amount    numeric(12,2) NOT NULL DEFAULT 0.00,
  state     state NOT NULL DEFAULT 'new',
  tags      text[] NOT NULL DEFAULT '{}',
  scores    int[],
  details   jsonb DEFAULT '{}',
  placed_at timestamptz NOT NULL DEFAULT now(),
  local_at  timestamp,
  due       date,
  is_gift   boolean NOT NULL DEFAULT false,
  weight    double precision,
  twice     numeric GENERATED ALWAYS AS (amount * 2) STORED,
  "order"   int
);
COMMENT ON TABLE orders IS 'What the shop sold';
COMMENT ON COLUMN orders.customer IS 'Who ordered';
"""

ROWS = """
INSERT INTO orders
  (uid, customer, amount, state, tags, scores, details, placed_at, local_at, due, "order")
VALUES
  ('123e4567-e89b-12d3-a456-426614174000', 'Ada', 12.30, 'paid', '{a,b}', '{1,NULL,3}', '{"x": 1}', '2026-01-05T12:00:00+02:00',
   '2026-01-05 10:00:00.123', '2026-02-01', 7),
  ('00000000-0000-0000-0000-000000000001', 'Łukasz', 1000000000.01, DEFAULT, DEFAULT, NULL, NULL, '1970-01-01T00:00:00Z', NULL, NULL, NULL)
"""

COLUMNS = 'id, uid, customer, amount, state, tags, scores, details, placed_at, local_at, due, is_gift, "order"'


def test_a_table_of_postgres(shop: Shop) -> None:
    lab, name = shop.lab, f"{shop.lab.prefix}_orders"
    lab.sql(TABLE + ROWS)

    said = shop.expect(
        *("new", "stream", name, "--from", f"postgres:{lab.prefix}.orders"),
        *("--owner", "sales", "--database", shop.database),
    )

    assert "left out: twice: it is generated" in said
    shop.expect("check")
    shop.expect("apply")
    shop.expect("plan")
    table = f"SELECT {COLUMNS} FROM {shop.database}.{name} FINAL ORDER BY id"
    until(lambda: len(shop.rows(table)) == 2, "the rows that were there before")
    assert shop.rows(table) == [
        (
            *(
                1,
                UUID("123e4567-e89b-12d3-a456-426614174000"),
                "Ada",
                Decimal("12.30"),
                "paid",
                ["a", "b"],
                [1, None, 3],
                '{"x": 1}',
            ),
            datetime(2026, 1, 5, 10, tzinfo=UTC),
            datetime(2026, 1, 5, 10, 0, 0, 123000, UTC),
            *(date(2026, 2, 1), False, 7),
        ),
        (
            *(2, UUID(int=1), "Łukasz", Decimal("1000000000.01"), "new", [], [], None),
            datetime(1970, 1, 1, tzinfo=UTC),
            *(None, None, False, None),
        ),
    ]

    lab.sql(
        "UPDATE orders SET amount = 5, scores = '{9}' WHERE id = 1; DELETE FROM orders WHERE id = 2"
    )
    lab.sql("INSERT INTO orders (customer) VALUES ('Bob')")

    now = f"SELECT id, customer, amount, scores FROM {shop.database}.{name} FINAL ORDER BY id"
    expected = [(1, "Ada", Decimal(5), [9]), (3, "Bob", Decimal(0), [])]
    until(lambda: shop.rows(now) == expected, "what changed since")
    comments = shop.rows(
        "SELECT comment FROM system.columns WHERE table = '"
        f"{name}' AND database = '{shop.database}' AND name IN ('customer', 'due') ORDER BY name"
    )
    assert [words for (words,) in comments] == [
        "Who ordered.",
        f"Due: a column of {lab.prefix}.orders (date), may be null.",
    ]


def test_types_that_somebody_made(shop: Shop) -> None:
    lab, name = shop.lab, f"{shop.lab.prefix}_shipments"
    kinds = f"{lab.prefix}_kinds"
    lab.sql(
        f"CREATE SCHEMA {kinds};"
        f"CREATE EXTENSION IF NOT EXISTS citext SCHEMA {kinds};"
        f"CREATE TYPE {kinds}.size AS ENUM ('s', 'xl, really');"
        f"CREATE DOMAIN {kinds}.parcel AS varchar(20) CHECK (VALUE <> 's');"
        f"CREATE TYPE {kinds}.place AS (street text, parcel {kinds}.parcel, size {kinds}.size);"
        f"CREATE TABLE shipments (id int PRIMARY KEY, label {kinds}.citext, place {kinds}.place,"
        f" places {kinds}.place[], parcel {kinds}.parcel, shape circle, grid int[][], tag name,"
        ' at timestamp, took interval, rate real DEFAULT 1.5, "Größe, in cm" int)'
    )
    row = (
        "(1, 'Box', '(street,,)', '{}', 'xl, really', NULL, '{1,2}', 'tag',"
        " '2026-01-05 10:00:00.123456', '1 month', NULL)"
    )
    lab.sql(f"INSERT INTO shipments VALUES {row}")

    said = shop.expect(
        *("new", "stream", name, "--from", f"postgres:{lab.prefix}.shipments"),
        *("--owner", "sales", "--database", shop.database),
    )

    assert f"left out: place ({kinds}.place): Debezium does not know the type" in said
    assert "left out: shape (circle): Debezium does not know the type" in said
    assert "left out: Größe, in cm: Avro takes letters, digits and underscores" in said
    assert "not as it is: grid (integer[]): a value with lists inside the list stops" in said
    assert "not as it is: tag (name): null in every change" in said
    assert "not as it is: at (timestamp without time zone): cut to the millisecond" in said
    assert "rate (real)" not in said
    assert "CDC_CAPTURE_MATCHES" not in shop.expect("check")
    shop.expect("apply")
    assert "CDC_COLUMN_CONTRACTED" not in shop.contractline("plan")[1]
    table = f"SELECT id, label, parcel, grid, tag, at, took, rate FROM {shop.database}.{name} FINAL"
    at, month = datetime(2026, 1, 5, 10, 0, 0, 123000, UTC), round(30.4375 * 86_400 * 1_000_000)
    copied = [(1, "Box", "xl, really", [1, 2], "tag", at, month, None)]
    until(lambda: shop.rows(table) == copied, "the row that was there before")
    lab.sql("UPDATE shipments SET label = 'Crate'")
    changed = [(1, "Crate", "xl, really", [1, 2], None, at, month, None)]
    until(lambda: shop.rows(table) == changed, "its change")


def test_a_table_without_primary_key(shop: Shop) -> None:
    lab, name = shop.lab, f"{shop.lab.prefix}_log"
    lab.sql("CREATE TABLE log (line text NOT NULL, at timestamptz NOT NULL)")
    lab.sql("INSERT INTO log VALUES ('first', '2026-01-05T10:00:00Z')")

    said = shop.expect(
        *("new", "stream", name, "--from", f"postgres:{lab.prefix}.log"),
        *("--owner", "sales", "--database", shop.database),
    )

    assert "without a key an update leaves its old row" in said
    shop.expect("check")
    shop.expect("apply")
    rows = f"SELECT line FROM {shop.database}.{name} FINAL ORDER BY line"
    until(lambda: shop.rows(rows) == [("first",)], "the row")
    lab.sql("INSERT INTO log SELECT * FROM log; UPDATE log SET line = 'second'; DELETE FROM log")
    lab.sql("INSERT INTO log VALUES ('third', now())")
    until(lambda: ("third",) in shop.rows(rows), "the last row")
    assert shop.rows(rows) == [("first",), ("third",)]


def test_a_table_that_can_t_be_a_stream_is_refused_in_words(shop: Shop) -> None:
    lab = shop.lab
    source = f"postgres:{lab.prefix}.missing"
    code, said = shop.contractline("new", "stream", "orders", "--from", source, "--owner", "x")
    assert code == 2
    assert f"has no table {lab.prefix}.missing" in said
    source = "postgres:debezium_heartbeat"
    code, said = shop.contractline("new", "stream", "orders", "--from", source, "--owner", "x")
    assert code == 2
    assert "public.debezium_heartbeat belongs to the machinery" in said
    lab.sql(
        "CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY);"
        "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY LIST (id);"
        "CREATE TABLE loose (id int UNIQUE);"
        "CREATE TABLE stamped (at timestamp PRIMARY KEY);"
        "CREATE DOMAIN span AS interval; CREATE TABLE spans (span span PRIMARY KEY)"
    )
    for table, key, why in (
        ("fleeting", "", "is unlogged, so its changes are not in the log"),
        ("parted", "", "is partitioned"),
        ("loose", "id", f"the key column `id` of {lab.prefix}.loose takes NULL"),
        ("stamped", "", "is timestamp without time zone: it arrives cut to the millisecond"),
        ("spans", "", "is interval: '1 mon' and '30.4375 days' arrive as one"),
    ):
        options = ("--from", f"postgres:{lab.prefix}.{table}", "--key", key, "--owner", "x")
        code, said = shop.contractline("new", "stream", "orders", *options)
        assert (code, why in said) == (2, True), said


def test_a_sample(shop: Shop, tmp_path: Path) -> None:
    name = f"{shop.lab.prefix}_sales"
    sample = tmp_path / "sales.jsonl"
    records = [
        {
            "sale_id": number,
            "customer": f"customer {number}",
            "total": number / 4,
            "is_paid": number % 2 == 0,
            "placed_at": f"2026-01-05T{number:02}:00:00+01:00",
            "due": "2026-02-01",
            "token": f"7f0c7c6e-5b7c-4f2c-9a51-0d3c9f3f1a{number:02}",
            "tags": ["x"] * number,
            "home": {"city": "Riga", **({"zip": "LV"} if number == 1 else {})},
        }
        for number in range(4)
    ]
    sample.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    shop.expect(
        *("new", "stream", name, "--from", str(sample), "--key", "sale_id"),
        *("--owner", "sales", "--database", shop.database),
    )
    shop.expect("check")
    for target in ("topics", "tables", "schemas"):
        shop.expect("apply", target)

    more = [records[0] | {"total": 99.5}, records[1] | {"sale_id": 2**40}]
    sent = tmp_path / "more.jsonl"
    sent.write_text("".join(f"{json.dumps(record)}\n" for record in [*records, *more]))
    said = shop.expect("produce", name, str(sent))

    assert "6 read = 6 acknowledged + 0 failed + 0 refused" in said
    expected = {
        record["sale_id"]: (
            record["customer"],
            record["total"],
            record["is_paid"],
            datetime.fromisoformat(str(record["placed_at"])),
            UUID(str(record["token"])),
            record["tags"],
            record["home"]["city"],  # type: ignore[index]
            record["home"].get("zip"),  # type: ignore[attr-defined]
        )
        for record in [*records, *more]
    }
    sql = (
        "SELECT sale_id, customer, total, is_paid, placed_at, token, tags, home_city, home_zip"
        f" FROM {shop.database}.{name} FINAL"
    )
    until(lambda: len(shop.rows(sql)) == 5, "the records")
    assert {row[0]: row[1:] for row in shop.rows(sql)} == expected

    wrong = tmp_path / "wrong.jsonl"
    lines = [json.dumps(records[0] | {"is_paid": "no"}).encode(), b"\xff", b"nope", b""]
    wrong.write_bytes(b"\n".join(lines))
    code, said = shop.contractline("produce", name, str(wrong))
    assert code == 1
    assert "3 read = 0 acknowledged + 0 failed + 3 refused" in said
    assert "line 1 refused: $.is_paid: must be a boolean; got 'no'" in said
    letters = shop.lab.root / ".contractline" / "dead-letters" / f"{name}.jsonl"
    assert [json.loads(line)["path"] for line in letters.read_text().splitlines()] == [
        *("$.is_paid", "$", "$"),
    ]


def test_a_version_is_not_registered_before_the_tables_know_it(shop: Shop, tmp_path: Path) -> None:
    name = f"{shop.lab.prefix}_visits"
    sample = tmp_path / "visits.jsonl"
    sample.write_text('{"visit_id": 1, "page": "/"}\n')
    options = ("--from", str(sample), "--key", "visit_id", "--owner", "web")
    shop.expect("new", "stream", name, *options, "--database", shop.database)
    for target in ("topics", "tables", "schemas"):
        shop.expect("apply", target)
    value = shop.lab.root / "contracts" / name / "value.avsc"
    schema = json.loads(value.read_text())
    more = {"name": "agent", "type": ["null", "string"], "default": None, "doc": "Who came."}
    value.write_text(json.dumps(schema | {"fields": [*schema["fields"], more]}))
    shop.expect("release", name)
    shop.expect("generate", "tables")

    code, said = shop.contractline("apply", "schemas")

    assert code == 2
    assert f"did not register {name} v2: the tables are not yet those of the contract" in said
    assert "`contractline apply tables` first" in said
    shop.expect("apply", "tables")
    assert f"register {name} v2" in shop.expect("apply", "schemas")


def test_two_tables_that_share_an_enumeration_and_a_domain(shop: Shop) -> None:
    lab = shop.lab
    lab.sql(
        "CREATE TYPE region AS ENUM ('zeta', 'alpha'); CREATE DOMAIN code AS varchar(5);"
        "CREATE TABLE stock (id int PRIMARY KEY, at_region region, code code);"
        "CREATE TABLE shops (id int PRIMARY KEY, in_region region, code code, all_of region[]);"
        "INSERT INTO stock VALUES (1, 'zeta', 'a');"
        "INSERT INTO shops VALUES (1, 'alpha', 'b', '{zeta,alpha}')"
    )
    for table in ("stock", "shops"):
        shop.expect(
            *("new", "stream", f"{lab.prefix}_{table}", "--from", f"postgres:{lab.prefix}.{table}"),
            *("--owner", "sales", "--database", shop.database),
        )

    shop.expect("check")
    shop.expect("apply")

    stock = f"SELECT id, at_region, code FROM {shop.database}.{lab.prefix}_stock FINAL"
    shops = f"SELECT id, in_region, code, all_of FROM {shop.database}.{lab.prefix}_shops FINAL"
    assert shop.rows(stock) == [(1, "zeta", "a")]
    assert shop.rows(shops) == [(1, "alpha", "b", ["zeta", "alpha"])]
    lab.sql("INSERT INTO stock VALUES (2, 'alpha', 'c')")
    until(lambda: len(shop.rows(stock)) == 2, "a row of the first table")
