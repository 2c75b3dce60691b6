"""What a bundle for a bug report holds, and what it keeps to itself."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from contractline.doctor.bundle import LOG_BYTES, masked, write
from contractline.doctor.problem import Patient
from contractline.project import Project

TOKEN = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://ann:s3cr3t@db:5432/shop", "postgresql://***@db:5432/shop"),
        (f"asked with {TOKEN}.", "asked with ***."),
        ("Authorization: Bearer abcdef.ghi-jkl", "Authorization: Bearer ***"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic ***"),
        ('{"database.password": "s3cr3t", "a": 1}', '{"database.password": "***", "a": 1}'),
        ("sasl.password=s3cr3t, acks=all", "sasl.password=***, acks=all"),
        ("GITHUB_TOKEN=s3cr3t", "GITHUB_TOKEN=***"),
        ("the key (id)=(7) exists", "the key (id)=(7) exists"),
        ("http://127.0.0.1:8081/subjects", "http://127.0.0.1:8081/subjects"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, expected: str):
    assert masked(text, ()) == expected


def test_no_known_secret_is_in_a_bundle(tmp_path: Path):
    project = Project(tmp_path)
    (tmp_path / "contracts").mkdir()
    logs = project.state / "logs"
    logs.mkdir(parents=True)
    (project.state / "passwords.json").write_text(json.dumps({"admin": "first-password"}))
    (logs / "connect.log").write_text("x" * LOG_BYTES + "\nrefused first-password for 'second'\n")
    environment = {"MY_SECRET": "third-password", "HARMLESS": "shown"}
    patient = Patient(project, environment)
    file = tmp_path / "report.tar.gz"

    names = write(patient, file, {"doctor.json": {"said": "third-password, shown"}})

    assert "logs/connect.log" in names
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        texts = {one.name: archive.extractfile(one).read().decode() for one in archive}  # type: ignore[union-attr]
    whole = "\n".join(texts.values())
    assert "first-password" not in whole
    assert "third-password" not in whole
    assert "refused *** for 'second'" in texts["report/logs/connect.log"]
    assert len(texts["report/logs/connect.log"]) <= LOG_BYTES
    assert "shown" in texts["report/doctor.json"]
    assert "contractline" in json.loads(texts["report/versions.json"])["packages"]
