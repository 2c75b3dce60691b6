"""What is sent is what is read: versions, ranks, dates, changes. The oracle is plain Python."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.integration.tables.lab import MICROS, Lab, Row, commit, user


def test_two_versions_in_one_topic(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    frames = []
    for n in range(200):
        if n % 2:
            frames.append(lab.frame("commits", commit(n)))
        else:
            newer = commit(n) | {"co_authors": [f"Co {n} <co{n}@example.org>"]}
            frames.append(lab.frame("commits", newer, version=2))
    lab.send("commits", frames)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 200)
    found = lab.rows(
        "SELECT commit_id, co_authors, commit_message, parents,"
        " toUnixTimestamp64Micro(committed_at), toString(commit_date), _offset"
        f" FROM {lab.prefix}.commits FINAL ORDER BY _offset"
    )
    expected: list[Row] = []
    for n in range(200):
        sent = commit(n)
        at = datetime.fromtimestamp(sent["committed_at"] / MICROS, UTC)
        co_authors = [] if n % 2 else [f"Co {n} <co{n}@example.org>"]
        expected.append(
            (
                sent["commit_id"],
                co_authors,
                sent["commit_message"],
                sent["parents"],
                sent["committed_at"],
                at.date().isoformat(),
                n,
            )
        )
    assert found == expected
    assert not lab.errors("commits")


def test_partitions_that_a_topic_gains_are_read(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    lab.send("commits", [lab.frame("commits", commit(0))])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits", 1)

    topic = lab.contract("commits").topic.name
    admin = AdminClient({"bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers")})
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(30)
    lab.producer.list_topics(topic, 10)
    for partition in range(4):
        frame = lab.frame("commits", commit(partition + 1))
        lab.producer.produce(topic, frame, b"key", partition=partition)
    assert lab.producer.flush(30) == 0

    lab.wait_for(f"SELECT uniqExact(_partition) FROM {lab.prefix}.commits", 4)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 5)


def test_avro_default_and_not_clickhouse_s_for_earlier_records(lab: Lab) -> None:
    lab.stream("commits")
    lab.release(
        "commits",
        [
            {"name": "branch", "type": "string", "default": "main", "doc": "Branch."},
            {"name": "weight", "type": "double", "default": 1.5, "doc": "Weight."},
            {"name": "checked", "type": "boolean", "default": True, "doc": "Checked."},
            {
                "name": "seen_at",
                "type": {"type": "long", "logicalType": "timestamp-millis"},
                "default": 1000,
                "doc": "Seen.",
            },
        ],
    )
    lab.apply()
    late = {"co_authors": [], "branch": "dev", "weight": 0.0, "checked": False, "seen_at": 5}
    lab.send(
        "commits",
        [
            lab.frame("commits", commit(1)),
            lab.frame("commits", commit(2) | {"co_authors": []}, version=2),
            lab.frame("commits", commit(3) | late, version=3),
        ],
    )
    table = f"{lab.prefix}.commits"
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 3)
    assert lab.rows(
        "SELECT branch, weight, checked, toUnixTimestamp64Milli(seen_at)"
        f" FROM {table} FINAL ORDER BY commit_id"
    ) == [("main", 1.5, True, 1000), ("main", 1.5, True, 1000), ("dev", 0.0, False, 5)]


def test_the_richer_record_wins_in_any_order(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    rank = random.Random(7)
    best: dict[str, Row] = {}
    frames = []
    for n in range(300):
        offered = []
        for _ in range(rank.randint(1, 4)):
            lines = rank.choice([None, rank.randint(0, 99)])
            login = rank.choice([None, "ann"])
            made = 1_700_000_000 * MICROS + rank.randint(0, 10**9)
            record = commit(n, additions=lines, author_login=login, produced_at=made)
            offered.append(((lines is not None, login is not None, made), (lines, login, made)))
            frames.append((n, lab.frame("commits", record)))
        best[f"{n:040x}"] = max(offered)[1]
    rank.shuffle(frames)
    for part in (frames[:200], frames[200:400], frames[400:]):
        lab.send("commits", [frame for _, frame in part])
    last = commit(999, additions=1, author_login="ann")
    lab.send("commits", [lab.frame("commits", last)])
    best[last["commit_id"]] = (1, "ann", last["produced_at"])
    table = f"{lab.prefix}.commits"
    lab.wait_for(f"SELECT count() FROM {table} WHERE commit_id = '{last['commit_id']}'", 1)
    query = (
        "SELECT commit_id, additions, author_login, toUnixTimestamp64Micro(produced_at)"
        f" FROM {table} FINAL"
    )
    assert {row[0]: row[1:] for row in lab.rows(query)} == best
    lab.warehouse.run(f"OPTIMIZE TABLE {table} FINAL")
    assert {row[0]: row[1:] for row in lab.rows(query)} == best
    assert lab.one(f"SELECT count() FROM {table}") == 301


@pytest.mark.parametrize(
    ("micros", "shown", "day"),
    [
        pytest.param(-1, "1969-12-31 23:59:59.999999", "1969-12-31", id="before 1970"),
        pytest.param(4_399_999_999_000_000, "2109-06-06 22:13:19.000000", "2109-06-06", id="2109"),
        pytest.param(-(10**16), "1653-02-10 06:13:20.000000", "1653-02-10", id="1653"),
        pytest.param(
            253_402_300_799_000_000, "9999-12-31 23:59:59.000000", "9999-12-31", id="9999"
        ),
        pytest.param(2**63 - 1, None, "9999-12-31", id="the last"),
        pytest.param(-(2**63), None, "0000-01-01", id="the first"),
    ],
)
def test_no_date_stops_the_stream(lab: Lab, micros: int, shown: str | None, day: str) -> None:
    """ClickHouse keeps the number as it is, whatever it shows of it."""
    lab.stream("commits")
    lab.apply()
    odd = commit(1, committed_at=micros, authored_at=micros, produced_at=micros)
    lab.send("commits", [lab.frame("commits", odd), lab.frame("commits", commit(2))])
    table = f"{lab.prefix}.commits"
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 2)
    found = lab.rows(
        "SELECT toUnixTimestamp64Micro(committed_at), toUnixTimestamp64Micro(produced_at),"
        " toString(committed_at), toString(commit_date), version < pow(2, 56)"
        f" FROM {table} FINAL WHERE commit_id = '{1:040x}'"
    )
    assert found[0][:2] == (micros, micros)
    assert shown in {None, found[0][2]}
    assert found[0][3:] == (day, 1)


def test_changes_of_a_table_end_as_the_log_says(lab: Lab) -> None:
    lab.stream("github_users")
    lab.apply()
    born = -3653
    changes = [
        user("stays", "red", 10, "r", birth_date=born),
        user("goes", "red", 10, "r"),
        user("returns", "red", 10, "r"),
        user("stays", "blue", 20, birth_date=None),
        user("goes", "red", 21, "d"),
        user("returns", "red", 22, "d"),
        user("returns", "green", 23, "c"),
        # Several changes of one row in one transaction share their log position.
        user("many", "1", 30, "c"),
        user("many", "2", 30),
        user("many", "3", 30),
        # A primary key changed in place is a delete and an insert.
        user("old name", "red", 40, "c"),
        user("old name", "red", 41, "d"),
        user("new name", "red", 41, "c"),
        user("odd time", "red", 50, "c", updated_at="infinity"),
        user("no metadata", "red", 0, "c") | {"__lsn": None, "__op": None, "__source_ts_ms": None},
    ]
    frames = [lab.frame("github_users", change) for change in changes]
    lab.send("github_users", [*frames[:6], None, *frames[6:]])
    current, history = f"{lab.prefix}.users", f"{lab.prefix}.users_history"
    lab.wait_for(f"SELECT count() FROM {history} FINAL", len(changes))
    lab.wait_for(f"SELECT count() FROM {current} FINAL", 6)
    assert lab.rows(
        f"SELECT user_name, team, birth_date IS NULL, op FROM {current} FINAL ORDER BY user_name"
    ) == [
        ("many", "3", 1, "u"),
        ("new name", "red", 1, "c"),
        ("no metadata", "red", 1, ""),
        ("odd time", "red", 1, "c"),
        ("returns", "green", 1, "c"),
        ("stays", "blue", 1, "u"),
    ]
    assert lab.rows(
        f"SELECT team, is_deleted FROM {history} FINAL WHERE user_name = 'returns' ORDER BY version"
    ) == [("red", 0), ("red", 1), ("green", 0)]
    assert lab.rows(
        "SELECT user_name, toString(birth_date), toString(updated_at), toString(changed_at)"
        f" FROM {history} FINAL WHERE user_name IN ('stays', 'odd time') ORDER BY version"
    ) == [
        ("stays", "1960-01-01", "2026-01-02 03:04:05.678901", "2026-01-02 03:04:05.010"),
        ("stays", None, "2026-01-02 03:04:05.678901", "2026-01-02 03:04:05.020"),
        ("odd time", None, None, "2026-01-02 03:04:05.050"),
    ]
    assert not lab.errors("github_users")


def test_a_restored_database_wins_over_its_earlier_log(lab: Lab) -> None:
    lab.stream("github_users")
    lab.apply()
    table = f"{lab.prefix}.users"
    lab.send("github_users", [lab.frame("github_users", user("ann", "before", 9_000))])
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 1)
    folder = lab.project.contracts / f"{lab.prefix}_github_users"
    with lab.edited(folder) as sections:
        sections["source"]["epoch"] = 2
    lab.apply("tables")
    lab.send("github_users", [lab.frame("github_users", user("ann", "after", 5))])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.users_history FINAL", 2)
    lab.wait_for_rows(f"SELECT team FROM {table} FINAL", [("after",)])


def test_a_table_without_primary_key(lab: Lab) -> None:
    """All its columns tell its rows apart; null is a value like others."""
    lab.stream("github_users")
    folder = lab.project.contracts / f"{lab.prefix}_github_users"
    (folder / "key.avsc").unlink()
    (folder / "versions" / "key.v1.avsc").unlink()
    lab.apply()
    changes = [
        user("ann", "red", 1, "c"),
        user("ann", "blue", 2, "c"),
        user("bob", "red", 3, "c", birth_date=0),
        user("ann", "red", 4, "d"),
    ]
    lab.send("github_users", [lab.frame("github_users", change) for change in changes], b"")
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.users_history FINAL", 4)
    now = f"SELECT user_name, team FROM {lab.prefix}.users FINAL ORDER BY ALL"
    lab.wait_for_rows(now, [("ann", "blue"), ("bob", "red")])
