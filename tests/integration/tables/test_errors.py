"""What can't be decoded is kept, the next good one is loaded, and a second try loses nothing."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx
from click.testing import Result

from contractline.cli.replay import command
from contractline.recovery.replay import open_errors, replay_stream
from contractline.watch import Watch
from tests.fixtures.stack import RunningStack
from tests.flow.whole import until
from tests.integration.tables.lab import Lab, commit, user

UNKNOWN_ID = 987_654_321
KEY = b"the \x00 key \xff"


def test_poison_is_kept_and_the_next_good_one_loaded(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    good = lab.frame("commits", commit(1))
    bad = {
        0: (b"\x07 is not a magic byte", "magic byte"),
        2: (struct.pack(">bI", 0, UNKNOWN_ID) + good[5:], "404"),
        3: (good[:40], "EOF"),
        4: (good + b"more", "magic byte"),
        5: (bytes(range(1, 256)) * 40, "magic byte"),
        6: (b"\x00", "schema identifier"),
    }
    frames = [bad[0][0], good, *(bad[n][0] for n in range(2, 7)), lab.frame("commits", commit(2))]
    lab.send("commits", frames, KEY)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 2)
    lab.wait_for(errors_sql(lab), len(bad))
    errors = lab.errors("commits")
    assert [row[0] for row in errors] == list(bad)
    for offset, kind, reason, raw, key in errors:
        sent, words = bad[offset]
        assert (kind, raw, key) == ("poison", sent, KEY)
        assert words in reason


def test_replay_puts_back_what_was_repaired_and_keeps_the_rest(lab: Lab) -> None:
    """Messages of an id that nobody knew, until the registry holds it; poison in between."""
    lab.stream("commits")
    lab.apply()
    table = f"{lab.prefix}.commits"
    ahead = next_id(lab)
    stranger = [
        struct.pack(">bI", 0, ahead) + lab.frame("commits", commit(n))[5:] for n in range(99)
    ]
    stranger[40] = stranger[40][:60]
    lab.send("commits", [*stranger, lab.frame("commits", commit(200))], KEY)
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 1)
    lab.wait_for(errors_sql(lab), len(stranger))
    assert {row[1] for row in lab.errors("commits")} == {"poison"}
    stream = lab.contract("commits").name
    first = replay_stream(lab.warehouse, lab.endpoints, stream, ("poison",))
    assert (first.replayed, first.poison, first.waiting) == (0, 99, 0)

    # The same fields under another name are another schema, which gets the next id.
    definition = lab.contract("commits").values[0].schema.definition | {"name": "Stranger"}
    assert register(lab, definition) == ahead
    second = replay_stream(lab.warehouse, lab.endpoints, stream, ("poison",))
    assert (second.replayed, second.poison, second.waiting) == (98, 1, 0)
    assert [row[0] for row in lab.errors("commits")] == [40]
    assert len(lab.errors("commits", resolved=True)) == 98
    found = lab.rows(f"SELECT commit_id, _offset, _topic FROM {table} FINAL ORDER BY _offset")
    topic = lab.contract("commits").topic.name
    wanted = [(n, n) for n in range(99) if n != 40] + [(200, 99)]
    assert found == [(f"{n:040x}", offset, topic) for n, offset in wanted]
    assert replay_stream(lab.warehouse, lab.endpoints, stream, ("poison",)).replayed == 0

    # As if the first replay had been killed after its rows were in and before it said so.
    lab.warehouse.run(
        "INSERT INTO ingestion.errors"
        " SELECT * REPLACE (NULL AS resolved_at, revision + 1 AS revision)"
        f" FROM (SELECT * FROM ingestion.errors FINAL WHERE topic = '{topic}')"
    )
    assert replay_stream(lab.warehouse, lab.endpoints, stream, ("poison",)).replayed == 98
    assert lab.one(f"SELECT count() FROM {table} FINAL") == 99
    assert [row[0] for row in lab.errors("commits")] == [40]


def test_an_old_change_stays_old_when_it_is_replayed(lab: Lab) -> None:
    lab.stream("github_users")
    lab.apply()
    ahead = next_id(lab)
    old = struct.pack(">bI", 0, ahead) + lab.frame("github_users", user("ann", "old", 10, "c"))[5:]
    lab.send("github_users", [old, lab.frame("github_users", user("ann", "new", 20))])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.users FINAL", 1)
    definition = lab.contract("github_users").values[0].schema.definition | {"name": "Stranger"}
    assert register(lab, definition) == ahead
    stream = lab.contract("github_users").name
    assert replay_stream(lab.warehouse, lab.endpoints, stream, ("poison",)).replayed == 1
    assert lab.rows(f"SELECT team FROM {lab.prefix}.users FINAL") == [("new",)]
    assert lab.rows(f"SELECT team FROM {lab.prefix}.users_history FINAL ORDER BY version") == [
        ("old",),
        ("new",),
    ]


def test_registry_away_while_good_messages_arrive(lab: Lab, stack: RunningStack) -> None:
    """1,000 good messages of an id that ClickHouse never saw; the watch alone repairs it."""
    lab.stream("commits")
    number = lab.release_own("commits")
    lab.apply()
    table = f"{lab.prefix}.commits"
    more = {"co_authors": [], lab.prefix: "here"}
    frames = [
        lab.frame("commits", commit(n, additions=n) | more, version=number) for n in range(1_000)
    ]
    poison = struct.pack(">bI", 0, UNKNOWN_ID) + frames[0][5:]
    with watching(lab, stack) as lines:
        stack.stop("registry")
        try:
            lab.send("commits", [*frames[:500], poison, *frames[500:]], KEY)
            lab.wait_for(errors_sql(lab), 1_001)
            assert {row[1] for row in lab.errors("commits")} == {"transient"}
            # On a busy machine the watch has looked before all were there, and looks again.
            until(lambda: any("1001 messages wait" in line for line in lines))
        finally:
            stack.start("registry")
        lab.wait_for(f"SELECT count() FROM {table} FINAL", 1_000)
        lab.wait_for(f"{errors_sql(lab)} AND class = 'transient'", 0)
    assert [(row[0], row[1]) for row in lab.errors("commits")] == [(500, "poison")]
    found = lab.rows(f"SELECT commit_id, additions, _offset FROM {table} FINAL ORDER BY additions")
    assert found == [(f"{n:040x}", n, n + (n >= 500)) for n in range(1_000)]
    assert sum(int(line.split()[2]) for line in lines if "replayed" in line) == 1_000
    assert any("1001 messages wait" in line for line in lines)
    assert lines[-1] == "stopped"


def test_engine_away_while_the_watch_runs(lab: Lab, stack: RunningStack) -> None:
    lab.stream("commits")
    lab.apply()
    with watching(lab, stack) as lines:
        killed = stack.kill("clickhouse")
        stack.wait_until_back("clickhouse", killed)
        lab.send("commits", [lab.frame("commits", commit(1))])
        lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 1)
    assert lines[-1] == "stopped"


def test_replay_command(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    name = lab.contract("commits").name
    assert (replay(lab, "--stream", name).return_value, replay(lab).return_value) == (0, 0)
    lab.send("commits", [b"junk"])
    lab.wait_for(errors_sql(lab), 1)
    shown = replay(lab, "--stream", name, "--class", "all", "--dry-run")
    assert shown.return_value == 1
    assert "1 poison" in shown.output
    tried = replay(lab, "--stream", name, "--class", "poison")
    assert tried.return_value == 1
    assert f"{name}: 0 replayed, 1 poison, 0 waiting: " in tried.output
    untaken = replay(lab, "--stream", name)
    assert untaken.return_value == 0
    assert "not taken: " in untaken.output
    assert "1 poison since" in untaken.output
    assert "`contractline dlq list` names each message" in untaken.output
    assert [e.messages for e in open_errors(lab.warehouse) if e.stream == name] == [1]


def errors_sql(lab: Lab) -> str:
    return (
        "SELECT count() FROM ingestion.errors FINAL WHERE isNull(resolved_at)"
        f" AND topic = '{lab.contract('commits').topic.name}'"
    )


def replay(lab: Lab, *arguments: str) -> Result:
    return lab.invoke(command, *arguments)


@contextmanager
def watching(lab: Lab, stack: RunningStack) -> Iterator[list[str]]:
    """Run the watch in place of the stack's own, and give the lines that it says."""
    stack.stop("watch")
    lines: list[str] = []
    stop = Event()
    thread = Thread(
        target=Watch(lab.project, lambda: lab.endpoints, lines.append).run, args=(stop,)
    )
    thread.start()
    try:
        yield lines
    finally:
        stop.set()
        thread.join(30)
        stack.start("watch")
        assert not thread.is_alive()


def next_id(lab: Lab) -> int:
    """Return the id that the registry gives to the next schema."""
    return register(lab, {"type": "enum", "name": f"Probe_{lab.prefix}", "symbols": ["A"]}) + 1


def register(lab: Lab, schema: object) -> int:
    url = f"{lab.endpoints.schema_registry_url}/subjects/{lab.prefix}-probe-{len(str(schema))}/versions"
    answer = httpx.post(url, json={"schema": json.dumps(schema)})
    return int(answer.raise_for_status().json()["id"])
