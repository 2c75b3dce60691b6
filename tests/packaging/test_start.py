"""The start of the command line stays quick: what a command needs is imported when it runs."""

from __future__ import annotations

import subprocess
import sys


def test_the_start_imports_nothing_heavy():
    heavy = "{'rich', 'psutil', 'httpx', 'pydantic', 'confluent_kafka', 'psycopg', 'asyncio'}"
    code = f"import contractline.cli, sys; print({heavy} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_the_package_runs_as_a_module():
    argv = [sys.executable, "-m", "contractline", "--help"]

    done = subprocess.run(argv, capture_output=True, text=True, check=True)

    assert done.stdout.startswith("Usage: contractline ")
