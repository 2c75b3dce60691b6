"""datacontract-cli reads the contracts as they are, and measures the same as we do."""

from __future__ import annotations

import hashlib
import json
import subprocess
import venv
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from contractline.quality.measure import measure, rules_of
from contractline.settings import environment
from tests.integration.tables.lab import REPOSITORY, Lab

LOCK = Path(__file__).with_name("datacontract.lock")
CONTRACTS = sorted((REPOSITORY / "contracts").rglob("contract.odcs.yaml"))
INSTALL_SECONDS = 240
METRICS = {
    "field_invalid_values": "invalidValues",
    "field_duplicate_values": "duplicateValues",
    "model_duplicate_values": "duplicateValues",
}
"""What datacontract-cli calls the checks of a metric."""


@pytest.fixture(scope="module")
def program(pytestconfig: pytest.Config) -> Path:
    """The program in an environment of its own, which is kept as long as the lock is the same."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir("datacontract") / digest
    ready = folder / "ready"
    if not ready.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--retries", "1"]
        done = subprocess.run(
            [*map(str, pip), "--no-deps", "--require-hashes", "-r", str(LOCK)],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            if "hashes" in done.stderr.lower():
                pytest.fail(done.stderr)
            pytest.skip(f"datacontract-cli can't be installed: {done.stderr.strip()[-300:]}")
        ready.touch()
    return folder / "bin" / "datacontract"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda file: file.parent.name)
def test_the_contracts_are_valid_as_they_are(program: Path, contract: Path) -> None:
    done = subprocess.run(
        [program, "lint", contract], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_count_what_datacontract_counts(program: Path, commits: Lab) -> None:
    contract = commits.contract("commits")
    document = yaml.safe_load((contract.folder / "contract.odcs.yaml").read_text())
    # A contract names the topic; datacontract-cli looks for a table of that name.
    (schema,) = document["schema"]
    schema["physicalName"] = "commits"
    (email,) = (one for one in schema["properties"] if one["name"] == "author_email")
    email["quality"] = [{"id": "one_address", "metric": "duplicateValues", "mustBe": 0}]
    url = urlsplit(commits.endpoints.need("clickhouse_url"))
    server = {"type": "clickhouse", "host": url.hostname, "port": url.port}
    document["servers"] = [{"server": "lab", **server, "database": commits.prefix}]
    (contract.folder / "contract.odcs.yaml").write_text(yaml.safe_dump(document))
    found = checked(program, contract.folder / "contract.odcs.yaml", commits)

    contract = commits.contract("commits")
    ours = {
        (result.rule.metric, result.rule.field): result.state == "holds"
        for result in measure(commits.warehouse, contract, rules_of(contract))
        if result.rule.metric
    }
    assert found == ours
    assert len(ours) == 3
    assert set(ours.values()) == {True, False}


def checked(program: Path, file: Path, lab: Lab) -> dict[tuple[str, str], bool]:
    """Return which metrics hold by datacontract-cli's measurement."""
    url = urlsplit(lab.endpoints.need("clickhouse_url"))
    output = file.with_suffix(".json")
    variables = {
        **environment(),
        "DATACONTRACT_CLICKHOUSE_USERNAME": unquote(url.username or ""),
        "DATACONTRACT_CLICKHOUSE_PASSWORD": unquote(url.password or ""),
    }
    done = subprocess.run(
        [program, "test", file, "--output", output, "--output-format", "json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=variables,
    )
    assert output.exists(), done.stdout + done.stderr
    checks: list[dict[str, Any]] = json.loads(output.read_text())["checks"]
    return {
        (METRICS[c["type"]], c["field"] or ""): c["result"] == "passed"
        for c in checks
        if c["type"] in METRICS
    }
