"""The routes of the page."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from contractline.dashboard.hub import Hub, Subject
from contractline.dashboard.metrics import Metrics
from contractline.dashboard.picture import NoPicture, Theme, picture
from contractline.dashboard.pipeline import PipelinePage
from contractline.dashboard.source import DataSource
from contractline.errors import ContractlineError
from contractline.reports.answer import QuestionAnswer
from contractline.reports.explain import CommitUnknown, NotExplained, PlaceUnknown, places_of
from contractline.reports.formats import as_csv, values
from contractline.reports.load import LoadedDashboard, LoadedQuestion, QuestionUnknown
from contractline.reports.selection import Given, Selection, given_of, selection_of
from contractline.status.facts import Sources

STATIC = Path(__file__).parent / "static"
PIPELINE = "pipeline"
"""The name of the page of the pipeline itself, in the stead of a dashboard's."""

_AT = "at."
"""What the columns begin with that say where in an answer, so that they are not filters."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DRAWN = {"theme", "width", "height"}
"""What may be said of a picture beside filters."""

_PICTURES = 2
"""Pictures that are drawn at the same time."""

_FOR_EVER = "public, max-age=31536000, immutable"


class Page:
    """The page: its shell, its files, its events, and answers as files."""

    def __init__(
        self, source: DataSource, pipeline: PipelinePage, status: Callable[[], Sources]
    ) -> None:
        self._source = source
        self._pipeline = pipeline
        self.hub = Hub(source.look)
        self._metrics = Metrics(status, self.hub)
        self._assets = _assets()
        self._shell = _shell(self._assets)
        self._drawing = asyncio.Semaphore(_PICTURES)

    def application(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/", self._home),
                Route("/d/{dashboard}", self._dashboard),
                Route(f"/{PIPELINE}", self._shown),
                Route("/reports.json", self._reports),
                Route("/events", self._events),
                Route("/q/{question}.{kind}", self._question),
                Route("/explain/{question}.json", self._explain),
                Route("/counted/{question}.json", self._counted),
                Route("/health", self._health),
                Route("/metrics", self._measured),
                Route("/static/{version}/{name:path}", self._static),
                Route("/favicon.ico", self._favicon),
            ],
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _refused},
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        work = asyncio.create_task(self.hub.work())
        try:
            yield
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work
            self._source.close()

    async def _home(self, request: Request) -> Response:
        first = next(iter(self._source.reports.dashboards), None)
        return RedirectResponse(f"/d/{first}" if first else f"/{PIPELINE}")

    async def _dashboard(self, request: Request) -> Response:
        self._named(request.path_params["dashboard"])
        return await self._shown(request)

    async def _shown(self, request: Request) -> Response:
        return HTMLResponse(self._shell, headers={"cache-control": "no-cache"})

    async def _reports(self, request: Request) -> Response:
        return JSONResponse(described(self._source), headers={"cache-control": "no-cache"})

    async def _measured(self, request: Request) -> Response:
        accept = request.headers.get("accept", "")
        text, content_type = await asyncio.to_thread(self._metrics.text, accept)
        return Response(text, media_type=content_type)

    async def _health(self, request: Request) -> Response:
        counters = self.hub.counters
        return JSONResponse(
            {
                "readers": self.hub.readers,
                "queries": counters.queries,
                "looks": counters.looks,
                "events": counters.events,
            }
        )

    async def _events(self, request: Request) -> Response:
        subjects = self._subjects(request)

        async def events() -> AsyncIterator[bytes]:
            async with self.hub.reading(subjects) as reader:
                yield b"retry: 1000\n\n"
                async for event in reader.events():
                    yield event

        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(events(), media_type="text/event-stream", headers=headers)

    def _subjects(self, request: Request) -> list[Subject]:
        name = request.query_params.get("dashboard", "")
        if name == PIPELINE:
            return [self._pipeline.subject(), self._pipeline.upstream()]
        dashboard = self._named(name)
        selection = self._selection(request, {"dashboard", "tab"})
        tab = _tab(dashboard, request.query_params.get("tab", "0"))
        questions = dict.fromkeys(panel.question for panel in dashboard.spec.tabs[tab].panels)
        asked = [self._source.reports.question(question) for question in questions]
        return [
            *(self._source.question(question, selection, Given()) for question in asked),
            self._source.options(),
            self._pipeline.upstream(),
        ]

    async def _question(self, request: Request) -> Response:
        question = self._asked(request)
        own = {parameter.name for parameter in question.spec.parameters}
        kind = request.path_params["kind"]
        selection = self._selection(request, own | (_DRAWN if kind == "svg" else set()))
        try:
            texts = {n: v for n, v in request.query_params.items() if n in own}
            answer = await self._source.answer(question, selection, given_of(question.spec, texts))
        except ContractlineError as problem:
            raise HTTPException(503, str(problem)) from problem
        headers = {"cache-control": "no-store"}
        match kind:
            case "svg":
                return await self._picture(request, question, answer, selection)
            case "json":
                return JSONResponse(values(question, answer), headers=headers)
            case "csv":
                name = f'attachment; filename="{question.name}.csv"'
                headers["content-disposition"] = name
                return Response(as_csv(answer), media_type="text/csv", headers=headers)
            case _:
                raise HTTPException(404, f"an answer has no form `{kind}`: json, csv or svg")

    async def _picture(
        self,
        request: Request,
        question: LoadedQuestion,
        answer: QuestionAnswer,
        selection: Selection,
    ) -> Response:
        given = request.query_params
        try:
            sides = {name: int(given[name]) for name in ("width", "height") if name in given}
        except ValueError:
            raise HTTPException(400, "a side of a picture is a number of pixels") from None
        theme: Theme = "dark" if given.get("theme") == "dark" else "light"
        try:
            async with self._drawing:
                drawn = await asyncio.to_thread(
                    picture, question, answer, selection, theme=theme, **sides
                )
        except NoPicture as problem:
            raise HTTPException(404, str(problem)) from problem
        # It is made to be shown elsewhere.
        headers = {"cache-control": "no-cache", "cross-origin-resource-policy": "cross-origin"}
        return Response(drawn, media_type="image/svg+xml", headers=headers)

    async def _explain(self, request: Request) -> Response:
        question = self._asked(request)
        at = {
            name.removeprefix(_AT): value
            for name, value in request.query_params.items()
            if name.startswith(_AT)
        }
        others = {name for name in request.query_params if name.startswith(_AT)} | {"measure"}
        selection = self._selection(request, others)
        measure = request.query_params.get("measure", "")
        try:
            found = await self._source.explanation(question, selection, at, measure)
        except (NotExplained, PlaceUnknown) as problem:
            raise HTTPException(404, str(problem)) from problem
        except ContractlineError as problem:
            raise HTTPException(503, str(problem)) from problem
        return JSONResponse(found, headers={"cache-control": "no-store"})

    async def _counted(self, request: Request) -> Response:
        question = self._asked(request)
        selection = self._selection(request, {"commit"})
        commit = request.query_params.get("commit", "")
        try:
            found = await self._source.counted(commit, question, selection)
        except CommitUnknown as problem:
            raise HTTPException(404, str(problem)) from problem
        except ContractlineError as problem:
            raise HTTPException(503, str(problem)) from problem
        return JSONResponse(found, headers={"cache-control": "no-store"})

    async def _static(self, request: Request) -> Response:
        file = self._assets.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404, "there is no such file")
        headers = {"cache-control": _FOR_EVER}
        return FileResponse(file, media_type=_TYPES.get(file.suffix), headers=headers)

    async def _favicon(self, request: Request) -> Response:
        return FileResponse(STATIC / "icon.svg", media_type=_TYPES[".svg"])

    def _asked(self, request: Request) -> LoadedQuestion:
        try:
            return self._source.reports.question(request.path_params["question"])
        except QuestionUnknown as problem:
            raise HTTPException(404, str(problem)) from problem

    def _named(self, name: str) -> LoadedDashboard:
        try:
            return self._source.reports.dashboards[name]
        except KeyError:
            raise HTTPException(404, f"there is no dashboard `{name}`") from None

    def _selection(self, request: Request, others: set[str]) -> Selection:
        given = {
            name: request.query_params.getlist(name)
            for name in request.query_params
            if name not in others
        }
        try:
            return selection_of(self._source.reports.filters, given)
        except ContractlineError as problem:
            raise HTTPException(400, str(problem)) from problem


def described(source: DataSource) -> dict[str, Any]:
    """Return what the page needs to know of the reports: all but the SQL."""
    reports = source.reports
    return {
        "dashboards": [
            {"name": name, **dashboard.spec.model_dump(exclude_none=True)}
            for name, dashboard in reports.dashboards.items()
        ],
        "questions": {
            name: {
                **question.spec.model_dump(exclude_none=True),
                "places": places_of(question, reports.filters),
            }
            for name, question in reports.questions.items()
        },
        "mistakes": len(reports.findings),
        "filters": {
            name: spec.model_dump(exclude={"options"})
            for name, spec in reports.filters.filters.items()
        },
    }


def _tab(dashboard: LoadedDashboard, text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < len(dashboard.spec.tabs):
        return int(text)
    raise HTTPException(400, f"there is no tab `{text[:20]}`")


def _assets() -> dict[str, Path]:
    return {
        file.relative_to(STATIC).as_posix(): file
        for file in sorted(STATIC.rglob("*"))
        if file.suffix in _TYPES
    }


def _shell(assets: Mapping[str, Path]) -> str:
    """Return the page's HTML; its files are named with their digest, so browsers keep them."""
    digest = hashlib.sha256()
    for file in assets.values():
        digest.update(file.read_bytes())
    html = (STATIC / "page.html").read_text(encoding="utf-8")
    return html.replace("{{version}}", digest.hexdigest()[:16])


async def _refused(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)  # noqa: S101 - what it is registered for
    if request.url.path.endswith(".json") or request.url.path == "/events":
        body = json.dumps({"error": problem.detail})
        return Response(body, problem.status_code, media_type="application/json")
    return PlainTextResponse(f"{problem.detail}\n", problem.status_code)
