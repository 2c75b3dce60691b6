"""``python -m contractline.server``: run the ClickHouse server of a library until it is ended.

The library has clickhouse-local's own main as ``chdb_query_cmdline``, and clickhouse-local can open
a server's listeners (``SYSTEM START LISTEN``). Neither is documented: tests/packaging/test_library.py
says what is relied on.

A clickhouse-local that is not interactive ends on what a connection throws, such as a wrong password
over ClickHouse's own protocol, or a reset within the header of an HTTP request. So it gets a terminal
to start at, which hangs up once it has been looked at: a statement that fails ends the server.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

ENTRY = "chdb_query_cmdline"
ERROR = "chdb_result_error"
REMOVE_TRIES = 3
_FOREVER = "SELECT sleep(4000000000) SETTINGS function_sleep_max_microseconds_per_block = 0"


def main() -> int:
    """Serve; return the exit code when the server ends by itself."""
    arguments = _parser().parse_args()
    try:
        library = ctypes.CDLL(str(arguments.library))
        serve, error_of = getattr(library, ENTRY), getattr(library, ERROR)
    except (OSError, AttributeError) as problem:
        sys.stderr.write(f"{arguments.library} can't be used: {problem}\n")
        return 2
    if arguments.scratch:
        _start(_end_with, os.dup(0), arguments.scratch)
    _give_a_terminal()
    _allow_open_files()
    argv = [
        "clickhouse",
        f"--config-file={arguments.config}",
        f"--path={arguments.data}",
        f"--log-level={arguments.log_level}",
        "--logger.console",
        "--interactive",
        "--progress=off",
        "--progress-table=off",
        "--multiquery",
        "--query",
        "; ".join(_statements(arguments.config)),
    ]
    pointers = (ctypes.c_char_p * (len(argv) + 1))(*(part.encode() for part in argv), None)
    serve.restype = ctypes.c_void_p
    serve.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    error_of.restype = ctypes.c_char_p
    error_of.argtypes = [ctypes.c_void_p]
    # Python would see Ctrl-C only once the server has ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    result = serve(len(argv), pointers)
    told = (error_of(result) if result else None) or b"it says nothing"
    words = told.decode(errors="replace").split(", Stack trace")[0]
    sys.stderr.write(f"the server has ended: {words}\n")
    return 1


def _statements(config: Path) -> Iterator[str]:
    yield "SYSTEM START LISTEN HTTP"
    # Without a port of its own it would take ClickHouse's 9000, which another server may have.
    if "<tcp_port>" in config.read_text(encoding="utf-8"):
        yield "SYSTEM START LISTEN TCP"
    yield _FOREVER


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m contractline.server", description=__doc__)
    parser.add_argument("library", type=Path, help="libchdb.so")
    parser.add_argument("--config", type=Path, required=True, help="config.xml")
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--log-level", default="warning")
    parser.add_argument(
        "--scratch", type=Path, help="end when the input does, and remove this folder"
    )
    return parser


def _allow_open_files() -> None:
    """Raise the limit of open files, as clickhouse-server does: parts are files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS counts down from another limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _give_a_terminal() -> None:
    """Put a terminal in place of the input, and take what is printed for its user away.

    The log goes to the error output.
    """
    keyboard, terminal = os.openpty()
    printed, screen = os.pipe()
    os.dup2(terminal, 0)
    os.dup2(screen, 1)
    os.close(terminal)
    os.close(screen)
    _start(_hang_up, keyboard, printed)


def _hang_up(keyboard: int, printed: int) -> None:
    """Hang up at the first words: they are printed after the look at the terminal."""
    os.read(printed, 1)
    os.close(keyboard)
    while os.read(printed, 1 << 12):
        pass


def _start(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _end_with(pipe: int, folder: Path) -> None:
    """Wait for the end of a pipe, then remove a folder that the server still writes to, and end."""
    while os.read(pipe, 1 << 10):
        pass
    for _ in range(REMOVE_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # The library's threads run on, and taking them down in Python's exit can hang.
    os._exit(code)
