"""The converter's own client finds our schemas of captured tables, and no others.

The jars are those that Kafka Connect loads. Their client's mock compares the texts of schemas; so
does Confluent's registry (by a hash, docs/compose.md), before it looks any closer.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.stack import REPOSITORY, RunningStack

METADATA = [
    ["__deleted", "text?"],
    ["__op", "text?"],
    ["__lsn", "bigint?"],
    ["__source_ts_ms", "bigint?"],
]
USERS = "postgres.public.github_users"
IDENTITIES = "postgres.public.github_identities"
HEARTBEAT = "__debezium-heartbeat.postgres"
USERS_VALUE = {
    "topic": USERS,
    "is_key": False,
    "name": f"{USERS}.Value",
    "fields": [
        ["user_name", "text"],
        ["position", "text"],
        ["team", "text"],
        ["birth_date", "date?"],
        ["updated_at", "now"],
        ["valid_from", "date?"],
        *METADATA,
    ],
    "file": "github_users/value.avsc",
}
CONNECTOR_GIVES = {
    "users value": USERS_VALUE,
    "users key": {
        "topic": USERS,
        "is_key": True,
        "name": f"{USERS}.Key",
        "fields": [["user_name", "text"]],
        "file": "github_users/key.avsc",
    },
    "identities value": {
        "topic": IDENTITIES,
        "is_key": False,
        "name": f"{IDENTITIES}.Value",
        "fields": [
            ["kind", "text"],
            ["identity", "text"],
            ["user_name", "text"],
            ["updated_at", "now"],
            ["verified", "true"],
            *METADATA,
        ],
        "file": "github_identities/value.avsc",
    },
    "identities key": {
        "topic": IDENTITIES,
        "is_key": True,
        "name": f"{IDENTITIES}.Key",
        "fields": [["kind", "text"], ["identity", "text"]],
        "file": "github_identities/key.avsc",
    },
    "heartbeat value": {
        "topic": HEARTBEAT,
        "is_key": False,
        "name": "io.debezium.connector.common.Heartbeat",
        "fields": [["ts_ms", "bigint"]],
        "file": "system/heartbeat/value.avsc",
    },
    "heartbeat key": {
        "topic": HEARTBEAT,
        "is_key": True,
        "name": "io.debezium.connector.common.ServerNameKey",
        "fields": [["serverName", "text"]],
        "file": "system/heartbeat/key.avsc",
    },
}


def contracted(case: dict[str, Any]) -> Any:
    return json.loads((REPOSITORY / "contracts" / case["file"]).read_text())


def documented(schema: Any) -> None:
    schema["doc"] = "The people."


def documented_field(schema: Any) -> None:
    schema["fields"][0]["doc"] = "Who."


def without_default(schema: Any) -> None:
    del schema["fields"][3]["default"]


def marked(schema: Any) -> None:
    schema["fields"][0]["pii"] = True


def reordered(schema: Any) -> None:
    schema["fields"].insert(0, schema["fields"].pop(1))


BREAKING = [documented, documented_field, without_default, marked, reordered]


def breaking_cases() -> dict[str, dict[str, Any]]:
    cases = {}
    for change in BREAKING:
        schema = copy.deepcopy(contracted(USERS_VALUE))
        change(schema)
        cases[change.__name__] = USERS_VALUE | {"registered": schema}
    return cases


@pytest.fixture(scope="module")
def answers(stack: RunningStack) -> dict[str, str]:
    runtime = stack.stack.artefacts.runtime
    found = {
        name: case | {"registered": contracted(case)} for name, case in CONNECTOR_GIVES.items()
    }
    cases = found | breaking_cases()
    asked = {
        "jars": [str(runtime / "plugins" / "avro" / "*"), str(runtime / "connect" / "*")],
        "cases": list(cases.values()),
    }
    script = Path(__file__).with_name("converter_lookup.py")
    done = subprocess.run(
        [sys.executable, script],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("case", CONNECTOR_GIVES)
def test_what_the_contracts_hold_is_found(answers: dict[str, str], case: str) -> None:
    assert answers[case] == ""


@pytest.mark.parametrize("change", [change.__name__ for change in BREAKING])
def test_what_breaks_the_lookup_is_not(answers: dict[str, str], change: str) -> None:
    assert answers[change].endswith("40403")
