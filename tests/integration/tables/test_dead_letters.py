"""``contractline dlq``: messages that could not be read, one by one, through the command."""

from __future__ import annotations

import json
import struct

import pytest
from click.testing import Result

from contractline.cli.dlq import command
from contractline.kafka.place import MessagePlace, PlaceUnreadable
from contractline.recovery.dead_letters import NotThere
from tests.integration.tables.lab import Lab, commit
from tests.integration.tables.test_errors import errors_sql, next_id, register


def dlq(lab: Lab, *arguments: str) -> Result:
    return lab.invoke(command, *arguments)


def test_messages_are_listed_shown_replayed_and_dismissed(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    name, topic = lab.contract("commits").name, lab.contract("commits").topic.name
    assert dlq(lab, "list", "--stream", name).return_value == 0
    ahead = next_id(lab)
    stranger = struct.pack(">bI", 0, ahead) + lab.frame("commits", commit(1))[5:]
    lab.send("commits", [b"junk \x01", stranger, b"more junk"], b"the key")
    lab.wait_for(errors_sql(lab), 3)
    junk, ours, more = (f"{topic}/0/{offset}" for offset in range(3))

    listed = dlq(lab, "list", "--stream", name)
    assert listed.return_value == 1
    lines = listed.output.splitlines()
    assert [line.split(" ")[:2] for line in lines] == [
        [one, "poison"] for one in (junk, ours, more)
    ]
    assert "magic byte" in lines[0]
    assert "404" in dlq(lab, "show", ours).output

    shown = dlq(lab, "show", junk).output
    assert "schema id  none: its bytes do not begin as a message of Schema Registry does" in shown
    assert "6a 75 6e 6b 20 01" in shown
    assert "junk ." in shown
    assert "74 68 65 20 6b 65 79" in shown
    assert f"schema id  {ahead}" in dlq(lab, "show", ours).output
    assert dlq(lab, "show", junk, "--raw").stdout_bytes == b"junk \x01"

    # The cause of one of them is mended: it alone is taken, and of the others it is said why not.
    definition = lab.contract("commits").values[0].schema.definition | {"name": "Mended"}
    assert register(lab, definition) == ahead
    tried = dlq(lab, "replay", "--stream", name)
    assert tried.return_value == 1
    assert f"{name}: 1 replayed" in tried.output
    assert [line for line in tried.output.splitlines() if line.startswith("not taken: ")] == [
        f"not taken: {line}" for line in dlq(lab, "list", "--stream", name).output.splitlines()
    ]
    assert lab.rows(f"SELECT commit_id, _offset FROM {lab.prefix}.commits FINAL") == [
        (f"{1:040x}", 1)
    ]

    done = dlq(lab, "dismiss", junk, "--reason", "a test of the probe", "--by", "ann")
    assert done.return_value == 0
    assert f"dismissed {junk} (ann: a test of the probe)" in done.output
    assert [
        line.split(" ")[0] for line in dlq(lab, "list", "--stream", name).output.splitlines()
    ] == [more]
    everything = json.loads(dlq(lab, "list", "--stream", name, "--all", "--json").output)
    assert {one["place"]: one["state"] for one in everything} == {
        junk: "dismissed",
        ours: "replayed",
        more: "open",
    }
    (dismissed,) = (one for one in everything if one["place"] == junk)
    assert (dismissed["dismissed_by"], dismissed["value"]) == ("ann", b"junk \x01".hex())
    assert (
        "dismissed by ann: a test of the probe"
        in dlq(lab, "list", "--stream", name, "--all").output
    )

    again = dlq(lab, "dismiss", junk, "--reason", "once more")
    assert isinstance(again.exception, NotThere)
    both = dlq(lab, "dismiss", more, f"{topic}/0/77", "--reason", "one of them is not there")
    assert isinstance(both.exception, NotThere)
    assert dlq(lab, "list", "--stream", name).return_value == 1
    assert dlq(lab, "replay", more).return_value == 1
    assert dlq(lab, "dismiss", more, "--reason", "nobody needs it").return_value == 0
    assert dlq(lab, "replay", "--stream", name).return_value == 0
    assert lab.one(errors_sql(lab)) == 0


@pytest.mark.parametrize("text", ["", "topic", "topic/0", "topic/x/1", "a/b/0/1", "topic/0/-1"])
def test_what_is_not_a_place_is_said(text: str) -> None:
    with pytest.raises(PlaceUnreadable) as problem:
        MessagePlace.read(text)
    assert "write TOPIC/PARTITION/OFFSET" in problem.value.hint


def test_a_place_is_read_as_it_is_written() -> None:
    assert str(MessagePlace.read("shop.orders-v1/2/17")) == "shop.orders-v1/2/17"
