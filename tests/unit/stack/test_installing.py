"""What `make setup` shows of pip: how far it is, a log that keeps the rest, the end of it on a failure."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from contractline.stack.installing import install, main


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one package, which lies beside it; it is installed into a folder of the test."""
    wheel = tmp_path / "tiny_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_thing.py", "")
        info = "tiny_thing-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = tmp_path / "requirements.lock"
    file.write_text(
        f"tiny-thing @ {wheel.as_uri()} \\\n    --hash=sha256:{digest}\n"
        'absent==1 ; python_version < "3" \\\n    --hash=sha256:00\n'
    )
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "installed"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return file


def test_packages_are_counted_and_the_log_keeps_what_pip_says(lock: Path, tmp_path: Path) -> None:
    log, told = tmp_path / "pip.log", list[str]()

    assert install(lock, log, told.append) == 0

    assert told == ["1 of 2 packages", "2 of 2 packages", "2 of 2 packages, writing them"]
    assert (tmp_path / "installed" / "tiny_thing.py").is_file()
    assert "Successfully installed tiny-thing-1.0" in log.read_text()


def test_where_nobody_looks_one_line_is_said(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "pip.log"
    assert main([str(lock), str(log)]) == 0
    assert capsys.readouterr().out == (
        f"  installed what requirements.lock names (pip's own words: {log})\n"
    )


def test_the_end_of_a_failure_is_shown(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock.write_text(lock.read_text().replace("sha256:", "sha256:ff", 1))
    log = tmp_path / "pip.log"

    assert main([str(lock), str(log)]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert "ERROR" in said.err
    assert said.err.endswith(f"(all of it: {log})\n")
