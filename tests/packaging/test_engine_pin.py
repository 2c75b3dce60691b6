"""The pin of chdb-core: it stays where the Kafka engine works, and says when it can go.

CONTRACTLINE_TRY_CHDB=newest (or a version) tries another one, in an environment of its own.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from contractline.settings import environment

VARIABLE = "CONTRACTLINE_TRY_CHDB"
SCRIPT = Path(__file__).with_name("kafka_engine.py")
INSTALL_SECONDS = 280


def tried(python: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(python), str(SCRIPT)], capture_output=True, text=True, timeout=60)


def test_the_installed_engine_reads_kafka():
    done = tried(Path(sys.executable))

    assert done.returncode == 0, (
        f"chdb-core {version('chdb-core')} can't make a table with ENGINE = Kafka, by which"
        f" ClickHouse reads every stream: {done.stderr.strip()}\n"
        "keep the last version that can: pyproject.toml, then `make lock`"
    )


@pytest.mark.skipif(not environment().get(VARIABLE), reason=f"{VARIABLE}=newest asks for it")
def test_another_engine_still_refuses_kafka():
    wanted = environment()[VARIABLE]
    package = "chdb-core" if wanted == "newest" else f"chdb-core=={wanted}"
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        install = [str(python), "-m", "pip", "install", "-q", package]
        subprocess.run(install, check=True, timeout=INSTALL_SECONDS)

        done = tried(python)

    assert done.stdout, f"{package} does not even start: {done.stderr}"
    assert done.returncode != 0, (
        f"chdb-core with ClickHouse {done.stdout.split()[-1]} makes tables with ENGINE = Kafka: raise the pin in"
        " pyproject.toml, `make lock`, `make test`"
    )
