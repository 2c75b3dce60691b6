"""``python -m contractline.engine``: the ClickHouse endpoint on one data folder."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from contractline.engine.access import Access
from contractline.engine.errors import EngineUnavailable
from contractline.engine.server import Listen, serve
from contractline.errors import ContractlineError


def main() -> int:
    """Serve; return the exit code."""
    arguments = _parser().parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    try:
        access = Access(arguments.user, _password(arguments.password_file))
        serve(
            Listen(arguments.data, arguments.config, arguments.host, arguments.port, access),
            ready=lambda url, seconds: _say(f"ready at {url} after {seconds:.2f} s"),
        )
    except ContractlineError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        sys.stderr.write(f"contractline.engine: {problem}{hint}\n")
        return problem.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m contractline.engine", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--config", type=Path, help="a ClickHouse configuration in XML")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123, help="0 takes a free one")
    parser.add_argument("--user", default="default")
    parser.add_argument("--password-file", type=Path, required=True)
    return parser


def _password(file: Path) -> str:
    try:
        password = file.read_text().rstrip("\r\n")
    except OSError as problem:
        raise EngineUnavailable(file, f"can't be read: {problem.strerror}") from problem
    if not password:
        raise EngineUnavailable(file, "holds no password")
    return password


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The engine's threads outlive its sessions, and taking them down in Python's exit can hang.
    os._exit(code)
