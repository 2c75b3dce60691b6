"""``contractline evolve`` after each ALTER TABLE: every row is equal in both systems in the end."""

from __future__ import annotations

from decimal import Decimal

import pytest
import yaml

from tests.integration.streams.conftest import Shop
from tests.integration.targets.lab import until

# The connector begins again, and every row is compared, several times.
pytestmark = pytest.mark.timeout(900)

TABLE = """
CREATE TABLE orders (
  id       bigserial PRIMARY KEY,
  customer text NOT NULL,
  amount   integer NOT NULL,
  rate     real,
  note     text,
  state    text NOT NULL DEFAULT 'new',
  city     text NOT NULL,
  gone     text,
  moved    integer,
  price    numeric(6,2)
);
INSERT INTO orders (customer, amount, rate, note, city, gone, moved, price)
VALUES
  ('Ada', 12, 0.5, NULL, 'Riga', 'x', 1, 9999.99),
  ('Bob', 7, NULL, 'late', 'Porto', NULL, 2, 'NaN');
"""

ALTERS = """
ALTER TABLE orders ADD COLUMN channel text;
ALTER TABLE orders ADD COLUMN priority integer DEFAULT 3;
ALTER TABLE orders ADD COLUMN source text NOT NULL DEFAULT 'web';
ALTER TABLE orders DROP COLUMN gone;
ALTER TABLE orders RENAME COLUMN note TO remark;
ALTER TABLE orders ALTER COLUMN amount TYPE bigint, ALTER COLUMN rate TYPE double precision;
ALTER TABLE orders ALTER COLUMN price TYPE numeric(12,2);
ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'open';
ALTER TABLE orders ALTER COLUMN city DROP NOT NULL;
ALTER TABLE orders DROP COLUMN moved;
ALTER TABLE orders ADD COLUMN moved integer;
"""

SAID = (
    "added: `channel` (text)",
    "added: `priority` (integer)",
    "added: `source` (text)",
    "dropped: `gone`",
    "renamed: `note` is `remark` now",
    "other type: column `amount`",
    "other type: column `rate`",
    "numeric(12,2), but numeric(6,2)",
    "default: column `state`",
    "nullability: column `city`",
    "order: `moved` stands behind the others now",
)


def made(shop: Shop, name: str) -> None:
    shop.lab.sql(TABLE)
    shop.expect(
        *("new", "stream", name, "--from", f"postgres:{shop.lab.prefix}.orders"),
        *("--owner", "sales", "--database", shop.database),
    )
    shop.expect("apply")
    until(lambda: shop.rows(f"SELECT count() FROM {shop.database}.{name} FINAL") == [(2,)], "rows")


def test_every_alter_table_at_once(shop: Shop) -> None:
    lab, name = shop.lab, f"{shop.lab.prefix}_orders"
    made(shop, name)
    lab.sql(ALTERS)
    lab.sql("INSERT INTO orders (customer, amount, price) VALUES ('Cy', 4000000000, 12345678.9)")
    lab.sql("UPDATE orders SET remark = 'seen', priority = 9, moved = 5 WHERE id = 1")

    said = shop.expect("evolve", name)

    for words in SAID:
        assert words in said, said
    assert said.endswith("  contractline check\n  contractline apply\n")
    folder = lab.root / "contracts" / name
    document = yaml.safe_load((folder / "contract.odcs.yaml").read_text())
    assert document["version"] == "2.0.0"
    described = {p["name"]: p for p in document["schema"][0]["properties"]}
    assert described["source"]["required"]
    assert "note" not in described
    assert "Note: a column of" in described["remark"]["description"]
    shop.expect("check", "contracts")
    shop.expect("apply")
    assert "equal at" in shop.expect("verify", name)
    rows = shop.rows(
        "SELECT customer, amount, rate, remark, state, city, moved, channel, priority, source, price"
        f" FROM {shop.database}.{name} FINAL ORDER BY id"
    )
    assert rows == [
        ("Ada", 12, 0.5, "seen", "new", "Riga", 5, None, 9, "web", Decimal("9999.99")),
        ("Bob", 7, None, "late", "new", "Porto", None, None, 3, "web", None),
        (
            "Cy",
            4_000_000_000,
            None,
            None,
            "open",
            None,
            None,
            None,
            3,
            "web",
            Decimal("12345678.9"),
        ),
    ]
    plan = shop.expect("plan", "postgres")
    assert "`price` of" in plan
    assert "is NaN in 1 row, which no Decimal holds" in plan
    assert "the contract holds" in shop.expect("evolve", name)


def test_a_type_that_the_topic_can_t_hold_is_refused_with_the_ways_out(shop: Shop) -> None:
    lab, name = shop.lab, f"{shop.lab.prefix}_orders"
    made(shop, name)
    before = (lab.root / "contracts" / name / "value.avsc").read_text()
    lab.sql("ALTER TABLE orders ALTER COLUMN amount TYPE text")

    code, said = shop.contractline("evolve", name)

    assert code == 1
    assert "SINK_TYPE_READABLE" in said
    rename = f"ALTER TABLE {lab.prefix}.orders RENAME COLUMN amount TO amount_new"
    assert rename in said
    assert (lab.root / "contracts" / name / "value.avsc").read_text() == before
    lab.sql(rename)
    assert "renamed: `amount` is `amount_new` now" in shop.expect("evolve", name)
    shop.expect("apply")
    assert "equal at" in shop.expect("verify", name)
    table = f"SELECT amount, amount_new FROM {shop.database}.{name} FINAL ORDER BY id"
    until(lambda: [new for _, new in shop.rows(table)] == ["12", "7"], "the values of both")
