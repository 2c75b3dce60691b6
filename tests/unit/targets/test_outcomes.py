"""What an outcome means to the exit code, and how it is printed."""

from __future__ import annotations

import json

import click
import pytest

from contractline.cli._targets import chosen, exit_code, show_json, show_plan, show_rest
from contractline.errors import ServiceUnavailable
from contractline.finding import Finding
from contractline.plan import Change, Plan, Step
from contractline.targets import TARGETS, Outcome
from contractline.targets.differences import noticed, plan_of, refused

STEP = Step(Change.CREATE, "commits_topic", "3 partitions", "detail of it", payload=object())
REFUSED = refused("TOPIC_KEYS_STAY", "commits_topic", "has keys", "by hand")
NOTICED = noticed("TOPIC_SETTING_CONTRACTED", "commits_topic", "sets more")
ERROR = ServiceUnavailable("Kafka", "127.0.0.1:9092", "did not answer")
CLEAN = Plan("topics")


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome("topics", CLEAN), 0),
        (Outcome("topics", plan_of("topics", [NOTICED])), 0),
        (Outcome("topics", plan_of("topics", [STEP])), 1),
        (Outcome("topics", plan_of("topics", [REFUSED])), 1),
        (Outcome("topics", plan_of("topics", [STEP]), (STEP,), left=CLEAN), 0),
        (Outcome("topics", plan_of("topics", [STEP]), (STEP,), plan_of("topics", [REFUSED])), 1),
        (Outcome("topics", error=ERROR), 2),
    ],
)
def test_exit_codes(outcome: Outcome, code: int) -> None:
    assert outcome.exit_code == code
    assert exit_code([Outcome("tables", CLEAN), outcome]) == code


def test_the_order_is_readers_before_writers() -> None:
    order = list(TARGETS)
    assert order[0] == "topics"
    assert order.index("tables") < order.index("schemas")
    assert order[-2:] == ["connectors", "reports"]


def test_steps_and_findings_keep_their_order() -> None:
    differences: list[Step | Finding] = [REFUSED, STEP, NOTICED]
    plan = plan_of("topics", iter(differences))
    assert plan.steps == (STEP,)
    assert plan.findings == (REFUSED, NOTICED)
    assert plan.refusals == (REFUSED,)


def test_a_target_is_chosen_by_name() -> None:
    assert chosen(None, prune=False) is None
    assert chosen("schemas", prune=True) == ("schemas",)
    with pytest.raises(click.UsageError, match="the targets are topics"):
        chosen("nonsense", prune=False)
    with pytest.raises(click.UsageError, match="only the target schemas"):
        chosen("topics", prune=True)


def test_a_plan_is_printed_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(plan_of("topics", [STEP, REFUSED]), with_detail=True)

    out = capsys.readouterr().out
    assert "create commits_topic: 3 partitions" in out
    assert "detail of it" in out
    assert "error TOPIC_KEYS_STAY commits_topic: has keys\n      -> by hand" in out


def test_nothing_to_do_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(CLEAN, with_detail=True)
    assert "nothing to do" in capsys.readouterr().out


def test_an_error_is_printed_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    show_rest(Outcome("topics", error=ERROR))

    out = capsys.readouterr().out
    assert "could not: Kafka at 127.0.0.1:9092: did not answer" in out
    assert "`contractline up` starts it" in out


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    done = Outcome("topics", plan_of("topics", [STEP]), (STEP,), plan_of("topics", [REFUSED]))
    show_json([done, Outcome("schemas", error=ERROR)])

    topics, schemas = json.loads(capsys.readouterr().out)["targets"]
    assert topics["exit_code"] == 1
    assert topics["done"] == [
        {
            "change": "create",
            "subject": "commits_topic",
            "summary": "3 partitions",
            "detail": "detail of it",
        }
    ]
    assert topics["findings"][0]["rule"] == "TOPIC_KEYS_STAY"
    assert schemas["error"] == "Kafka at 127.0.0.1:9092: did not answer"
