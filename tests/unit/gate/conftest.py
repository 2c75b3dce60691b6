from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from contractline.project import Project

BASE = Path(__file__).parents[2] / "cases" / "contracts" / "base"


@pytest.fixture
def project(tmp_path):
    """A small checkout: a producer's stream, a table's, and the machinery's heartbeat."""
    shutil.copytree(BASE, tmp_path / "contracts")
    (tmp_path / "clickhouse_ddl").mkdir()
    return Project(tmp_path)
