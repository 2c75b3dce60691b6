"""Keys of which several values would arrive as one are refused; the others are taken."""

from __future__ import annotations

from tests.integration.targets.lab import Lab

REFUSED = (
    *("interval", "interval day to second(3)", "timetz", "time(2) with time zone", "name"),
    *("timestamp", "timestamp(6)", "timestamp(4)", "time", "time(5)", "timestamp[]", "timetz[]"),
    *("span", "moment_of_moment"),
)
TAKEN = (
    *("timestamp(3)", "timestamp(0)", "time(3)", "timestamp(2)[]", "timestamptz", "timestamptz(6)"),
    *("date", "money", "bit(12)", "varbit", "interval[]", "int4range", "short_moment"),
)


def test_a_key_that_would_merge_rows_is_refused_whatever_hides_it(lab: Lab):
    lab.sql(
        "CREATE DOMAIN span AS interval; CREATE DOMAIN moment AS timestamp;"
        "CREATE DOMAIN moment_of_moment AS moment; CREATE DOMAIN short_moment AS timestamp(3)"
    )
    key = [{"name": "k", "type": "string"}]
    for number, type_ in enumerate((*REFUSED, *TAKEN)):
        lab.sql(f"CREATE TABLE t{number} (k {type_} PRIMARY KEY)")
        lab.contract(f"t{number}", key, key)

    said = {f.subject: f for f in lab.plan("postgres").findings if f.rule == "CDC_KEY_EXACT"}

    assert set(said) == {f"t{number}" for number in range(len(REFUSED))}
    stamp = said[f"t{REFUSED.index('timestamp')}"]
    assert stamp.message == (
        f"the key column `k` of {lab.prefix}.{stamp.subject} is timestamp without time zone:"
        " it arrives cut to the millisecond, so that several values become one"
    )
    assert stamp.hint == (
        "make it timestamp(3), or timestamptz, which arrives to the microsecond;"
        " or take another key"
    )
    hidden = said[f"t{REFUSED.index('span')}"]
    assert "is interval: '1 mon' and '30.4375 days' arrive as one" in hidden.message


def test_times_that_are_null_in_clickhouse_are_no_keys_there(lab: Lab):
    lab.sql("CREATE TABLE deeds (at timestamptz PRIMARY KEY)")
    lab.sql("INSERT INTO deeds VALUES ('1900-01-01Z'), ('2299-12-31 23:59:59.999999Z')")
    key = [{"name": "at", "type": "string"}]
    time = [{"name": "at", "logicalType": "timestamp"}]
    lab.contract("deeds", key, key, properties=time, has_sink=True)
    assert not [f for f in lab.plan("postgres").findings if f.rule == "CDC_KEY_EXACT"]

    lab.sql("INSERT INTO deeds VALUES ('1899-12-31 23:59:59Z'), ('0044-03-15Z BC')")
    [merged] = [f for f in lab.plan("postgres").findings if f.rule == "CDC_KEY_EXACT"]

    assert "lies outside the years 1900 to 2299 in 2 rows" in merged.message


def test_an_infinite_interval_is_said_before_and_after(lab: Lab):
    def said() -> list[str]:
        return [
            f"{f.severity.value}: {f.message}"
            for f in lab.plan("postgres").findings
            if f.rule == "CDC_INTERVAL_FINITE"
        ]

    lab.sql("CREATE TABLE runs (id int PRIMARY KEY, took interval, laps interval[])")
    key = [{"name": "id", "type": "int"}]
    took = {"name": "took", "type": ["null", "long"], "default": None}
    lab.contract("runs", [*key, took], key)
    where = f"`took` of {lab.prefix}.runs"
    assert said() == [f"warning: {where} takes infinity, which would arrive as 0"]

    lab.sql("INSERT INTO runs VALUES (1, 'infinity'), (2, '-infinity'), (3, '1 day'), (4, NULL)")
    assert said() == [f"error: {where} is infinite in 2 rows, which arrives as 0"]

    lab.sql("DELETE FROM runs WHERE id < 3; ALTER TABLE runs ADD CHECK (isfinite(took))")
    assert said() == []
