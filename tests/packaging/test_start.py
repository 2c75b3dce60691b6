"""The start of the command line stays quick: what a command needs is imported when it runs."""

from __future__ import annotations

import subprocess
import sys


def test_the_start_imports_nothing_heavy():
    heavy = "{'rich', 'psutil', 'httpx', 'pydantic', 'confluent_kafka', 'psycopg', 'asyncio'}"
    code = f"import contractline.cli, sys; print({heavy} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
