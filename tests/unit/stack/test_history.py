"""What replayed histories of events mean."""

from __future__ import annotations

import pytest

from contractline import events
from contractline.stack.history import (
    PAUSES_SECONDS,
    STABLE_SECONDS,
    ServiceState,
    deaths_in_a_row,
    fold,
    pause_before_restart,
)


def starting(at: float, pid: int = 1) -> events.Starting:
    return events.Starting(service="kafka", pid=pid, at=at)


def ready(at: float, pid: int = 1) -> events.Ready:
    return events.Ready(service="kafka", pid=pid, seconds=1, url="u", version="4", at=at)


def died(at: float) -> events.Died:
    return events.Died(service="kafka", status="SIGKILL", at=at)


def restarting(at: float) -> events.Restarting:
    return events.Restarting(service="kafka", pause=0, at=at)


def failed(at: float) -> events.ServiceFailed:
    return events.ServiceFailed(service="kafka", cause="the disk is full", log="l", at=at)


def gave_up(at: float) -> events.GaveUp:
    return events.GaveUp(service="kafka", deaths=7, cause="the disk is full", at=at)


def stopped(at: float) -> events.ServiceStopped:
    return events.ServiceStopped(service="kafka", seconds=0.1, at=at)


@pytest.mark.parametrize(
    ("history", "state", "pid"),
    [
        ([starting(0)], ServiceState.STARTING, 1),
        ([starting(0), ready(1)], ServiceState.RUNNING, 1),
        ([starting(0), ready(1), died(2)], ServiceState.RESTARTING, None),
        ([starting(0), ready(1), died(2), restarting(2)], ServiceState.RESTARTING, None),
        ([starting(0), ready(1), died(2), restarting(2), starting(3, 2)], ServiceState.STARTING, 2),
        ([starting(0), ready(1), died(2), starting(3, 2), ready(4, 2)], ServiceState.RUNNING, 2),
        ([starting(0), failed(1)], ServiceState.FAILED, None),
        ([starting(0), ready(1), died(2), gave_up(3)], ServiceState.FAILED, None),
        ([starting(0), ready(1), stopped(2)], ServiceState.STOPPED, None),
        ([starting(0), ready(1), events.StackStopped()], ServiceState.STOPPED, None),
        ([starting(0), failed(1), events.StackFailed(cause="kafka")], ServiceState.FAILED, None),
    ],
)
def test_a_history_leaves_a_service_in_a_state(history, state: ServiceState, pid: int | None):
    seen = fold(history)["kafka"]

    assert (seen.state, seen.pid) == (state, pid)


def test_a_failure_keeps_its_cause_until_the_next_start():
    assert fold([starting(0), failed(1)])["kafka"].cause == "the disk is full"
    assert fold([starting(0), failed(1), starting(2)])["kafka"].cause == ""


def test_a_real_installation_stays_one():
    external = events.External(service="kafka", variable="KAFKA_BOOTSTRAP_SERVERS", url="k:9092")

    seen = fold([external, events.StackReady(seconds=1), events.StackStopped()])

    assert (seen["kafka"].state, seen["kafka"].url) == (ServiceState.EXTERNAL, "k:9092")


def test_services_do_not_mix():
    other = events.Starting(service="connect", pid=2)

    assert fold([starting(0), other, ready(1)])["connect"].state is ServiceState.STARTING


def test_the_first_restart_is_immediate():
    assert pause_before_restart([starting(0), ready(1), died(5)]) == 0


def test_pauses_grow_and_end():
    history: list[events.Event] = [starting(0), ready(1)]
    pauses = []
    for second in range(2, 20):
        history.append(died(second))
        pauses.append(pause_before_restart(history))
        history += [starting(second), ready(second + 0.5)]

    assert tuple(pauses[: len(PAUSES_SECONDS)]) == PAUSES_SECONDS
    assert set(pauses[len(PAUSES_SECONDS) :]) == {None}


def test_failed_restarts_count_as_deaths():
    assert deaths_in_a_row([starting(0), ready(1), died(2), failed(3), failed(4)]) == 3


def test_a_service_that_ran_for_a_while_begins_anew():
    history = [ready(0), died(1), ready(2), died(3), ready(4), died(4 + STABLE_SECONDS)]

    assert deaths_in_a_row(history) == 1


def test_a_wanted_stop_is_no_death():
    assert deaths_in_a_row([ready(0), died(1), ready(2), stopped(3), ready(4), died(5)]) == 1
