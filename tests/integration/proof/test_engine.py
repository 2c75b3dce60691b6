"""The engine of a proof is a process of its own: what becomes of it, whatever happens."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from contractline.contracts.change import StreamChange
from contractline.contracts.load import load_contract
from contractline.proof import process
from contractline.proof.process import PREFIX, EngineFailed, engine_process
from contractline.proof.proof import prover
from tests.fixtures.stack import clean_environment
from tests.integration.proof.conftest import REPOSITORY

COMMITS = REPOSITORY.contracts / "commits"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own: other proofs may run beside it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def folders(temporary: Path) -> list[Path]:
    return list(temporary.glob(f"{PREFIX}*"))


def wait_until(done, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(done())


def command(*arguments: str, temporary: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "contractline", *arguments],
        cwd=REPOSITORY.root,
        env={**clean_environment(), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def engine_of(child: subprocess.Popen[str], temporary: Path) -> psutil.Process:
    """Wait until the command's engine answers, and return it."""
    assert wait_until(lambda: list(temporary.glob(f"{PREFIX}*/data/store")))
    (engine,) = psutil.Process(child.pid).children()
    return engine


def test_nothing_is_left_of_an_engine(temporary) -> None:
    with engine_process() as engine:
        assert folders(temporary) == [engine.folder]
        assert psutil.pid_exists(engine.pid)
        listeners = psutil.Process(engine.pid).net_connections("tcp")
        assert {one.laddr.ip for one in listeners} == {"127.0.0.1"}
    assert folders(temporary) == []
    assert not psutil.pid_exists(engine.pid)


def test_an_engine_takes_no_port_but_its_own() -> None:
    with engine_process() as one, engine_process() as other:
        for engine in (one, other):
            process_ = psutil.Process(engine.pid)
            ports = {c.laddr.port for c in process_.net_connections("tcp") if c.status == "LISTEN"}
            assert ports == {int(engine.url.rpartition(":")[2])}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_an_engine_that_ends_in_the_middle_is_said_in_words(number, monkeypatch, temporary) -> None:
    with pytest.raises(EngineFailed, match=r"ended by SIG\w+ in the middle"):
        prove_on_an_engine_that_is_sent(number, monkeypatch)
    assert folders(temporary) == []


def prove_on_an_engine_that_is_sent(number: signal.Signals, monkeypatch) -> None:
    start = process._start
    children = []

    def started(folder: Path, library: Path) -> subprocess.Popen[bytes]:
        children.append(start(folder, library))
        return children[0]

    monkeypatch.setattr(process, "_start", started)
    with prover(REPOSITORY) as one:
        children[0].send_signal(number)
        one.prove(StreamChange(None, load_contract(COMMITS)))


def test_an_engine_that_does_not_start_says_why(monkeypatch, temporary) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EngineFailed, match="does not start"), engine_process():
        pass
    assert folders(temporary) == []


def test_an_engine_that_hangs_is_given_up(monkeypatch, tmp_path) -> None:
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    monkeypatch.setattr(process, "START_SECONDS", 0.2)
    monkeypatch.setattr(process, "STOP_SECONDS", 0.2)
    with pytest.raises(EngineFailed, match=r"did not start in"), engine_process():
        pass


def test_the_command_says_that_its_engine_was_killed(tmp_path) -> None:
    child = command("prove", "commits", "--records", "20000", temporary=tmp_path)
    engine_of(child, tmp_path).send_signal(signal.SIGKILL)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 2, out + err
    assert "ended by SIGKILL in the middle" in err
    assert "Traceback" not in out + err
    assert folders(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        (signal.SIGINT, {130, -signal.SIGINT}),
        (signal.SIGTERM, {130}),
        (signal.SIGKILL, {-signal.SIGKILL}),
    ],
)
def test_nothing_is_left_when_the_command_is_ended(tmp_path, number, codes) -> None:
    child = command("prove", "commits", "--records", "20000", temporary=tmp_path)
    engine = engine_of(child, tmp_path)
    child.send_signal(number)
    _, err = child.communicate(timeout=60)
    assert child.returncode in codes
    assert "Traceback" not in err
    assert wait_until(lambda: not engine.is_running() or engine.status() == "zombie")
    assert wait_until(lambda: not folders(tmp_path))


def test_the_command_proves_every_contract_in_time(tmp_path) -> None:
    began = time.monotonic()
    child = command("prove", "--format", "json", temporary=tmp_path)
    out, err = child.communicate(timeout=120)
    took = time.monotonic() - began
    assert child.returncode == 0, out + err
    proof = json.loads(out)
    assert {one["stream"] for one in proof["streams"]} == {
        "commits",
        "github_users",
        "github_identities",
        "unreachable_commits",
    }
    assert all(one["verdict"] == "ok" for one in proof["streams"])
    assert proof["engine"].startswith("26.")
    assert took < 20, "goal: 20 seconds, the start included"
