"""Downloads: files of the Maven repository, in parallel, resumable, verified before they count."""

from __future__ import annotations

import errno
import random
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import httpx
import truststore

from contractline.cache import DiskFull
from contractline.stack.errors import ArtefactsMissing
from contractline.stack.lock import Artefact, sha256

PARALLEL = 8
TRIES = 5
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0


class _Interrupted(Exception):
    """The reader has given up; the threads should end soon."""


def fetch(
    artefacts: Sequence[Artefact],
    folder: Path,
    addresses: Callable[[Artefact], Sequence[str]],
    progress: Callable[[int], None],
) -> None:
    """Bring files into a folder; each is there under its name once its hash is right.

    Args:
        artefacts: what to fetch.
        folder: where to; ``.part`` files of an earlier try are continued.
        addresses: where an artefact can be had.
        progress: told of the bytes that arrive.

    Raises:
        ArtefactsMissing: some could not be fetched.
        DiskFull: the folder's disk has no room.
    """
    stop = threading.Event()
    client = httpx.Client(
        follow_redirects=True,
        timeout=TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=PARALLEL),
        # What the machine trusts, a proxy's certificate authority included.
        verify=truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    with (
        client,
        ThreadPoolExecutor(PARALLEL, thread_name_prefix="download") as pool,
    ):
        largest_first = sorted(artefacts, key=lambda a: -a.size)
        tasks = {
            pool.submit(_Download(client, a, folder, addresses(a), progress, stop).run): a
            for a in largest_first
        }
        try:
            wait(tasks)
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    _raise_problems(tasks, folder)


def _raise_problems(tasks: dict[Future[None], Artefact], folder: Path) -> None:
    problems = {a: task.exception() for task, a in tasks.items() if task.exception()}
    if not problems:
        return
    for problem in problems.values():
        if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder, sum(a.size for a in problems)) from problem
    for problem in problems.values():
        if not isinstance(problem, httpx.HTTPError | _Damaged):
            raise problem  # type: ignore[misc]
    missing = sorted(problems, key=lambda a: a.name)
    first = problems[missing[0]]
    raise ArtefactsMissing(missing, folder, str(first) or type(first).__name__) from first


class _Damaged(Exception):
    """What arrived is not what the lock says."""


class _Download:
    """The download of one file."""

    def __init__(
        self,
        client: httpx.Client,
        artefact: Artefact,
        folder: Path,
        addresses: Sequence[str],
        progress: Callable[[int], None],
        stop: threading.Event,
    ) -> None:
        self._client = client
        self._artefact = artefact
        self._addresses = addresses
        self._progress = progress
        self._stop = stop
        self._file = folder / artefact.name
        self._part = folder / f"{artefact.name}.part"

    def run(self) -> None:
        """Fetch the file, with retries, from the first address that has it."""
        for attempt in range(1, TRIES + 1):
            address = self._addresses[(attempt - 1) % len(self._addresses)]
            try:
                self._receive(address)
                self._accept()
            except (httpx.TransportError, httpx.HTTPStatusError, _Damaged) as problem:
                if attempt == TRIES or not self._may_pass(problem):
                    raise
                pause = PAUSE_SECONDS * 2**attempt * (0.5 + random.random())  # noqa: S311 - jitter
                if self._stop.wait(pause):
                    raise
            else:
                return

    def _may_pass(self, problem: Exception) -> bool:
        if isinstance(problem, httpx.HTTPStatusError):
            code = problem.response.status_code
            return code >= 500 or code in (408, 429) or len(self._addresses) > 1
        # Without a name or a route nothing changes within seconds.
        return not isinstance(problem, httpx.ConnectError)

    def _receive(self, address: str) -> None:
        have = self._part.stat().st_size if self._part.exists() else 0
        if have >= self._artefact.size:
            self._progress(have)
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._client.stream("GET", address, headers=headers) as response:
            response.raise_for_status()
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            arrived = have if resumed else 0
            self._progress(arrived)
            try:
                with self._part.open("ab" if resumed else "wb") as stream:
                    for chunk in response.iter_raw():
                        if self._stop.is_set():
                            raise _Interrupted
                        stream.write(chunk)
                        arrived += len(chunk)
                        self._progress(len(chunk))
            except Exception:
                self._progress(-arrived)
                raise

    def _accept(self) -> None:
        found = sha256(self._part)
        if found != self._artefact.sha256:
            size = self._part.stat().st_size
            self._part.unlink()
            self._progress(-size)
            raise _Damaged(
                f"{self._artefact.name}: {size} bytes with hash {found[:12]}… arrived, "
                f"the lock says {self._artefact.size} bytes, {self._artefact.sha256[:12]}…"
            )
        self._part.chmod(0o644)
        self._part.replace(self._file)
