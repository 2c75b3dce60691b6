"""Events: their JSON form and their words."""

from __future__ import annotations

import json

import pytest

from contractline import events
from contractline.events import Event, from_json

EXAMPLES: list[Event] = [
    events.SupervisorStarted(pid=7),
    events.ServiceTold(service="postgres", text="runs as nobody"),
    events.OrphanEnded(pid=7, command="java"),
    events.PortMoved(service="kafka", port="kafka-controller", wanted=19093, given=19193),
    events.External(service="kafka", variable="KAFKA_BOOTSTRAP_SERVERS", url="k:9092"),
    events.Starting(service="kafka", pid=7),
    events.Ready(service="kafka", pid=7, seconds=2.5, url="127.0.0.1:19092", version="4.3.1"),
    events.ServiceFailed(
        service="kafka", cause="its port is in use", log="/l", tail=("Zeile ü", "b")
    ),
    events.Died(service="kafka", status="SIGKILL"),
    events.Restarting(service="kafka", pause=0.5),
    events.GaveUp(service="kafka", deaths=7, cause="the disk is full"),
    events.Stopping(service="kafka"),
    events.ServiceStopped(service="kafka", seconds=0.4),
    events.Answered(request="1", problem=""),
    events.StackReady(seconds=5.0),
    events.StackFailed(cause="kafka"),
    events.StackStopped(),
]


def test_every_kind_has_an_example():
    assert {type(e) for e in EXAMPLES} == set(Event.kinds.values())


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_event_survives_its_json(event: Event):
    line = event.to_json()

    assert "\n" not in line
    assert from_json(line) == event
    assert str(event)


def test_fields_of_a_newer_version_are_skipped():
    line = json.dumps({"event": "stack_stopped", "at": 1.0, "mood": "fine"})

    assert from_json(line) == events.StackStopped(at=1.0)


def test_a_line_that_is_no_event_is_refused():
    with pytest.raises(ValueError, match="no event"):
        from_json('{"event": "unheard"}')


def test_a_service_that_wrote_nothing_is_told_so():
    failed = events.ServiceFailed(service="clickhouse", cause="it ended by itself", log="/l")
    assert str(failed) == (
        "clickhouse: could not start: it ended by itself\n  (it wrote nothing to its log)"
        "\n  (all of it: /l)"
    )
