from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from contractline.contracts.sla import LatencyInvalid, owner_of, promised_latency


def promising(*promises: Any) -> OpenDataContractStandard:
    return OpenDataContractStandard.model_validate({"slaProperties": promises})


def latency(value: Any, unit: str | None) -> dict[str, Any]:
    return {"property": "latency", "value": value, "unit": unit}


@pytest.mark.parametrize(
    ("value", "unit", "milliseconds"),
    [
        (600, "ms", 600),
        (0.5, "s", 500),
        (2, "m", 120_000),
        (1, "h", 3_600_000),
        (1, "d", 86_400_000),
    ],
)
def test_units(value, unit, milliseconds):
    other = {"property": "retention", "value": 5}
    found = promised_latency(promising(other, latency(value, unit)))
    assert found == timedelta(milliseconds=milliseconds)


def test_no_promise():
    assert promised_latency(OpenDataContractStandard()) is None


@pytest.mark.parametrize(
    ("promises", "steps"),
    [
        ([latency(5, None)], (0,)),
        ([latency(5, "")], (0,)),
        ([latency(5, "y")], (0, "unit")),
        ([latency("5", "s")], (0, "value")),
        ([latency(True, "s")], (0, "value")),
        ([latency(None, "s")], (0, "value")),
        ([latency(0, "s")], (0, "value")),
        ([latency(-1, "s")], (0, "value")),
        ([latency(25, "h")], (0, "value")),
        ([latency(1e308, "d")], (0, "value")),
        ([latency(float("nan"), "s")], (0, "value")),
        ([latency(1, "s"), latency(1, "s")], (1,)),
    ],
)
def test_what_no_stream_can_promise(promises, steps):
    with pytest.raises(LatencyInvalid) as caught:
        promised_latency(promising(*promises))
    assert caught.value.steps == ("slaProperties", *steps)


@pytest.mark.parametrize(
    ("team", "owner"),
    [
        (None, None),
        ({"name": "t"}, None),
        ({"members": [{"username": "a", "role": "steward"}]}, None),
        ({"members": [{"username": "a"}, {"username": "b", "role": "Owner"}]}, "b"),
        ({"members": [{"name": "Ann", "role": "owner"}]}, "Ann"),
        ({"members": [{"username": " ", "role": "owner"}]}, None),
        ([{"username": "a", "role": "owner"}], "a"),
    ],
)
def test_the_owner(team, owner):
    assert owner_of(OpenDataContractStandard.model_validate({"team": team})) == owner
