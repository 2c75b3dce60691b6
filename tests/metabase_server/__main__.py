"""``python -m tests.metabase_server [PORT]``: an empty instance until Ctrl-C."""

from __future__ import annotations

import contextlib
import sys
import threading

from tests.metabase_server.running import running
from tests.metabase_server.state import State

with running(State(), int(sys.argv[1]) if len(sys.argv) > 1 else 0) as address:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
