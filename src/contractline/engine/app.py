"""ClickHouse's HTTP interface over the engine in this process."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from contractline.engine.access import Access, has_credentials
from contractline.engine.answering import Reply, Server, summary
from contractline.engine.asking import Asked, flag
from contractline.engine.compression import NATIVE, choose
from contractline.engine.errors import Code, QueryFailed
from contractline.engine.incoming import Files
from contractline.engine.job import Job, job_of
from contractline.engine.kill import without_waiting
from contractline.engine.leases import Leases
from contractline.engine.pipe import PIPE_BYTES, Pipe, open_pipe
from contractline.engine.running import Run, Running
from contractline.engine.session import Engine, Result, Session
from contractline.engine.sql import Kind

WORKERS = 64
"""Statements that run side by side; more wait for their turn."""

_RETRY_STOP_SECONDS = 0.05
_STOP_TRIES = 10
_OK = "Ok.\n"
_NO_SUCH_PATH = (
    "There is no handle {path}\n\nUse / or /ping for health checks.\n"
    "Or /replicas_status for more sophisticated health checks.\n\n"
    "Send queries from your program with POST method or GET /?query=...\n\n"
    "Use clickhouse-client:\n\nFor interactive data analysis:\n    clickhouse-client\n"
)


class Endpoint:
    """Answers requests for ``/``."""

    def __init__(self, engine: Engine, access: Access, files: Files, name: str) -> None:
        self._engine = engine
        self._access = access
        self._files = files
        self._server = Server(name, engine.version, engine.timezone)
        self._leases = Leases(engine)
        self._running = Running()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="query")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        options = _options(scope["query_string"])
        reply = Reply(send, self._server)
        if request.method in ("GET", "HEAD") and "query" not in options:
            await PlainTextResponse(_OK)(scope, receive, send)
            return
        try:
            self._access.check(request.headers, options)
            reply.encoding = NATIVE if flag(options, "compress") else None
            with self._files.scope() as files:
                job = await job_of(request, options, files)
                _describe(reply, job, request)
                if job.statement.kind is Kind.ROWS:
                    await self._answer_rows(job, reply, receive)
                else:
                    await self._answer_whole(job, reply)
        except QueryFailed as failed:
            if not reply.started:
                nobody = not has_credentials(request.headers, options)
                ask = failed.code == Code.AUTHENTICATION_FAILED and nobody
                await reply.failed(failed, ask_for_password=ask)
        except ClientDisconnect:  # in the middle of its body: nothing was run
            return
        except OSError as problem:
            if not reply.started:
                await reply.failed(_of_the_system(problem))

    def stop(self) -> None:
        """Kill what runs, and end the named sessions."""
        self.kill()
        self._leases.close()

    def kill(self) -> None:
        """Kill what runs, and wait a little for its end."""
        for _ in range(_STOP_TRIES):
            if not self._running:
                return
            self._running.stop_all()
            time.sleep(_RETRY_STOP_SECONDS)

    async def _answer_whole(self, job: Job, reply: Reply) -> None:
        """Run a statement of few rows or none; it is completed even if the client goes away."""
        sql = job.sql
        if job.statement.verb == "KILL":
            sql = await asyncio.to_thread(without_waiting, sql, self._running.engine_id)
        run = Run(self._engine, partial(self._work, job, sql))
        with self._running.listed(job.asked.query_id, run):
            if job.statement.verb == "KILL":  # must get its turn when all workers are busy
                result = await asyncio.to_thread(run)
            else:
                result = await self._start(run)
        await reply.whole(result.body, summary(result, inserted=job.inserts))

    async def _answer_rows(self, job: Job, reply: Reply, receive: Receive) -> None:
        """Run a statement that answers rows; it is stopped when the client goes away."""
        async with open_pipe() as pipe:
            run = Run(self._engine, partial(self._work_rows, job, pipe))
            with self._running.listed(job.asked.query_id, run):
                result = self._start(run)
                watch = asyncio.create_task(_stop_when_gone(receive, run, pipe, result))
                try:
                    await self._pass_on(job.asked, reply, pipe, result)
                finally:
                    watch.cancel()
                    await _stop(run, pipe, result)

    async def _pass_on(
        self, asked: Asked, reply: Reply, pipe: Pipe, result: asyncio.Future[Result]
    ) -> None:
        if asked.wait:
            await self._pass_on_at_the_end(asked, reply, pipe, result)
            return
        held, complete = await pipe.read_at_least(asked.buffer_bytes, asked.patience)
        if complete:
            await reply.whole(held, summary(await result, inserted=False))
        else:
            await reply.stream(_rest(held, pipe, result))

    async def _pass_on_at_the_end(
        self, asked: Asked, reply: Reply, pipe: Pipe, result: asyncio.Future[Result]
    ) -> None:
        with tempfile.SpooledTemporaryFile(
            asked.buffer_bytes, dir=str(self._files.folder)
        ) as spool:
            while piece := await pipe.read():
                spool.write(piece)
            counts = summary(await result, inserted=False)
            size = spool.tell()
            spool.seek(0)
            if size <= asked.buffer_bytes:
                await reply.whole(spool.read(), counts)
            else:
                await reply.stream(_pieces(spool.read))

    def _start(self, run: Run) -> asyncio.Future[Result]:
        return asyncio.get_running_loop().run_in_executor(self._workers, run)

    def _work_rows(self, job: Job, pipe: Pipe) -> Result:
        """Run a statement that answers rows, into a pipe; in a worker thread."""
        asked, statement = job.asked, job.statement
        try:
            with self._session(job) as session:
                if job.comes_in_blocks:
                    default, parameters = asked.output_format, asked.parameters
                    return session.stream(statement.text, default, parameters, pipe.write)
                sql = statement.answering_into(pipe.path, asked.output_format)
                return session.query(sql, parameters=asked.parameters)
        except QueryFailed as failed:
            reason = statement.without_file(failed.reason, pipe.path, asked.output_format)
            raise QueryFailed(failed.code, failed.name, reason) from failed
        finally:
            pipe.end()

    def _work(self, job: Job, sql: bytes) -> Result:
        """Run any other statement; in a worker thread."""
        with self._session(job) as session:
            return session.query(sql, job.asked.output_format, job.asked.parameters)

    @contextlib.contextmanager
    def _session(self, job: Job) -> Iterator[Session]:
        """Have the session for a job, with its tables."""
        with ExitStack() as stack:
            session = stack.enter_context(self._leases.lease(job.wish))
            for table in job.tables:
                stack.enter_context(table.loaded(session))
            yield session


def application(endpoint: Endpoint) -> Starlette:
    """Return the ASGI application of an endpoint."""
    return Starlette(
        routes=[
            Route("/", endpoint, methods=None),
            Route("/ping", _healthy, methods=["GET", "HEAD"]),
            Route("/replicas_status", _healthy, methods=["GET", "HEAD"]),
            Route("/{path:path}", _unknown_path, methods=None),
        ]
    )


async def _healthy(request: Request) -> Response:
    return PlainTextResponse(_OK)


async def _unknown_path(request: Request) -> Response:
    return PlainTextResponse(_NO_SUCH_PATH.format(path=request.url.path), status_code=404)


def _options(query_string: bytes) -> dict[str, str]:
    text = query_string.decode("latin-1")
    return dict(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))


def _describe(reply: Reply, job: Job, request: Request) -> None:
    """Tell a reply what its headers say."""
    reply.query_id = job.asked.query_id
    reply.timezone = job.asked.settings.get("session_timezone") or reply.server.timezone
    if job.statement.kind in (Kind.ROWS, Kind.FEW_ROWS):
        reply.output_format = job.statement.format or job.asked.output_format
    if job.asked.compress and reply.encoding is None:
        reply.encoding = choose(request.headers.get("accept-encoding", ""))


async def _rest(held: bytes, pipe: Pipe, result: asyncio.Future[Result]) -> AsyncIterator[bytes]:
    yield held
    while piece := await pipe.read():
        yield piece
    await result  # raises what went wrong on the way


async def _pieces(read: Callable[[int], bytes]) -> AsyncIterator[bytes]:
    while piece := read(PIPE_BYTES):
        yield piece


async def _stop_when_gone(
    receive: Receive, run: Run, pipe: Pipe, result: asyncio.Future[Result]
) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    await _stop(run, pipe, result)


async def _stop(run: Run, pipe: Pipe, result: asyncio.Future[Result]) -> None:
    """See to it that a run is over."""
    while not result.done():
        pipe.close()
        await asyncio.to_thread(run.stop)
        await asyncio.wait({result}, timeout=_RETRY_STOP_SECONDS)
    with contextlib.suppress(asyncio.CancelledError):
        result.exception()


def _of_the_system(problem: OSError) -> QueryFailed:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return QueryFailed.of(Code.NOT_ENOUGH_SPACE, f"The data can't be kept: {problem.strerror}")
    return QueryFailed.of(Code.UNKNOWN_EXCEPTION, str(problem))
