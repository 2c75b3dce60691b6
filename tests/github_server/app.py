"""A server that answers as GitHub's API does, as far as the project asks."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlencode

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.github_server import graphql, shapes
from tests.github_server.published import check, sample
from tests.github_server.repositories import Repository, moment
from tests.github_server.script import Fault, Quota, filled

TOKEN = "test-token"
ANONYMOUS = ""

_REPOSITORY = re.compile(r"^/repos/([^/]+)/([^/]+)(/.*)?$")
_BY_ID = re.compile(r"^/repositories/(\d+)(/.*)?$")
_ORGANISATION = re.compile(r"^/orgs/([^/]+)/repos$")
_INSTALLATION = re.compile(r"^/app/installations/(\d+)/access_tokens$")
_EPOCH = "1970-01-01T00:00:00Z"


class _Answer(Exception):
    """An answer, from however deep."""

    def __init__(self, status: int, data: Any, template: str = "", **headers: str) -> None:
        self.status = status
        self.data = data
        self.template = template
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def _refusal(status: int, message: str, template: str = "") -> _Answer:
    link = "https://docs.github.com/rest"
    data = {"message": message, "documentation_url": link, "status": str(status)}
    return _Answer(status, data, template)


class GitHubServer:
    """The server, and everything that a test may set.

    Attributes:
        repositories: what it shows.
        tokens: who is known.
        apps: public keys of Apps, by id.
        quotas: by token and resource.
        faults: what goes wrong, in this order.
        requests: what was asked, as ``GET /path?query``.
        problems: answers that GitHub's description does not allow; a test fails on them.
        cursor_links: whether lists go on by a cursor in place of a page number.
        compare_most: how many commits a comparison lists, whatever page is asked for; None for all.
        largest_page: a larger page of a GraphQL history ends with 502.
        heavy: commits whose lines are too much to count...
        heavy_form: ...and how that ends: 502, timeout, limits or holes.
        poll_seconds: X-Poll-Interval of every answer; None for none.
    """

    def __init__(self, *repositories: Repository) -> None:
        self.repositories = list(repositories)
        self.tokens = {TOKEN}
        self.apps: dict[str, str] = {}
        self.limits = {"core": 5000, "graphql": 5000, "anonymous": 60}
        self.window_seconds = 3600.0
        self.quotas: dict[tuple[str, str], Quota] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.cursor_links = False
        self.compare_most: int | None = None
        self.largest_page = 100
        self.heavy: set[str] = set()
        self.heavy_form = "502"
        self.poll_seconds: int | None = None
        self.url = ""
        self._lock = threading.Lock()

    def find(self, full_name: str) -> Repository | None:
        for it in self.repositories:
            if not it.hidden and full_name.lower() in {
                name.lower() for name in (it.full_name, *it.former)
            }:
                return it
        return None

    def quota(self, token: str, resource: str) -> Quota:
        key = (token, resource)
        if key not in self.quotas:
            limit = self.limits["anonymous" if token == ANONYMOUS else resource]
            self.quotas[key] = Quota(limit, self.window_seconds)
        self.quotas[key].refresh()
        return self.quotas[key]

    def count(self, pattern: str) -> int:
        """Return how many requests match a pattern."""
        return sum(1 for request in self.requests if re.search(pattern, request))

    def app(self) -> Starlette:
        async def serve(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(self._serve, request, body)

        return Starlette(routes=[Route("/{path:path}", serve, methods=["GET", "POST"])])

    @contextmanager
    def running(self, port: int = 0) -> Iterator[GitHubServer]:
        """Run in a thread on a port of 127.0.0.1."""
        config = uvicorn.Config(
            self.app(), "127.0.0.1", port, log_level="error", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        if not server.started:
            raise OSError(f"port {port} of 127.0.0.1 can't be used")
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()

    def _serve(self, request: Request, body: bytes) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        path = re.sub(r"^/api/(v3(?=/)|(?=graphql))", "", request.scope["path"])
        path = path if path.startswith("/") else f"/{path}"
        said = f"{request.method} {path}{query}"
        with self._lock:
            self.requests.append(said)
            fault = next((f for f in self.faults if f.applies(said)), None)
        if fault:
            time.sleep(fault.seconds)
            if fault.status is not None:
                return _faulty(fault)
        try:
            token = self._known(request)
            response = self._answer(request, path, body, token)
        except _Answer as answer:
            response = self._response(answer, {})
        if self.poll_seconds is not None:
            response.headers["x-poll-interval"] = str(self.poll_seconds)
        return _cut(response) if fault and fault.cut else response

    def _known(self, request: Request) -> str:
        given = request.headers.get("authorization", "")
        if not given:
            return ANONYMOUS
        token = given.partition(" ")[2]
        if token in self.tokens or "/access_tokens" in request.url.path:
            return token
        raise _refusal(401, "Bad credentials")

    def _answer(self, request: Request, path: str, body: bytes, token: str) -> Response:
        if found := _INSTALLATION.match(path):
            return self._response(self._installation(found[1], token), {})
        if path == "/graphql":
            return self._graphql(body, token)
        quota = self.quota(token, "core")
        if path == "/rate_limit":
            return self._response(self._rate_limit(token), quota.headers("core"))
        with self._lock:
            if not quota.remaining:
                raise self._used_up(quota)
        try:
            answer = self._rest(request, path)
        except _Answer as refusal:
            answer = refusal
        etag = (
            'W/"' + hashlib.sha256(f"{token}{json.dumps(answer.data)}".encode()).hexdigest() + '"'
        )
        unchanged = answer.status == 200 and request.headers.get("if-none-match") == etag
        with self._lock:
            if not (unchanged and token != ANONYMOUS):
                quota.used += 1
        headers = quota.headers("core") | {"etag": etag}
        if unchanged:
            return Response(status_code=304, headers=headers)
        return self._response(answer, headers)

    def _response(self, answer: _Answer, headers: dict[str, str]) -> Response:
        if answer.template:
            verb = "post" if "access_tokens" in answer.template else "get"
            try:
                check(answer.template, answer.status, answer.data, verb)
            except AssertionError as problem:
                self.problems.append(str(problem))
        return Response(
            json.dumps(answer.data),
            answer.status,
            {**headers, **answer.headers, "content-type": "application/json; charset=utf-8"},
        )

    def _used_up(self, quota: Quota) -> _Answer:
        answer = _refusal(403, "API rate limit exceeded for user ID 1.")
        answer.headers |= quota.headers("core")
        return answer

    def _graphql(self, body: bytes, token: str) -> Response:
        if token == ANONYMOUS:
            raise _refusal(401, "This endpoint requires you to be authenticated.")
        asked = json.loads(body)
        variables = asked.get("variables") or {}
        quota = self.quota(token, "graphql")
        cost = graphql.points(asked["query"], variables)
        with self._lock:
            used_up = quota.remaining < cost
            quota.used += 0 if used_up else cost
        headers = quota.headers("graphql")
        if used_up:
            error = {"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."}
            return self._response(_Answer(200, {"errors": [error]}), headers)
        state = {
            "cost": cost,
            "limit": quota.limit,
            "remaining": quota.remaining,
            "used": quota.used,
            "nodeCount": 0,
            "resetAt": moment(int(quota.reset)),
        }
        try:
            data = graphql.answer(self, asked["query"], variables, state)
        except graphql.Failure as failure:
            return self._too_much(failure.kind, headers)
        return self._response(_Answer(200, data), headers)

    def _too_much(self, kind: str, headers: dict[str, str]) -> Response:
        if kind == "502":
            return Response("<html><h1>502 Bad Gateway</h1></html>", 502)
        words = {
            "timeout": "Something went wrong while executing your query. This may be the result of "
            "a timeout, or it could be a GitHub bug.",
            "limits": "Resource limits for this query exceeded.",
        }
        error = {"message": words[kind]}
        if kind == "limits":
            error["type"] = "RESOURCE_LIMITS_EXCEEDED"
        return self._response(_Answer(200, {"data": None, "errors": [error]}), headers)

    def _rate_limit(self, token: str) -> _Answer:
        resources = {}
        for name in ("core", "graphql", "search"):
            quota = self.quota(token, name) if name in self.limits else Quota(30)
            resources[name] = {
                "limit": quota.limit,
                "used": quota.used,
                "remaining": quota.remaining,
                "reset": int(quota.reset) + 1,
            }
        return _Answer(200, {"resources": resources, "rate": resources["core"]}, "/rate_limit")

    def _installation(self, number: str, token: str) -> _Answer:
        template = "/app/installations/{installation_id}/access_tokens"
        try:
            issuer = json.loads(_padded(token.split(".")[1]))["iss"]
            jwt.decode(token, self.apps[str(issuer)], algorithms=["RS256"])
        except (IndexError, KeyError, ValueError, jwt.InvalidTokenError):
            return _refusal(401, "A JSON web token could not be decoded", template)
        made = f"ghs_{number}_{len(self.tokens)}"
        self.tokens.add(made)
        return _Answer(
            201,
            sample("installation-token", token=made, expires_at=moment(int(time.time()) + 3600)),
            template,
        )

    def _rest(self, request: Request, path: str) -> _Answer:
        if found := _ORGANISATION.match(path):
            return self._organisation(request, found[1])
        if found := _BY_ID.match(path):
            it = next(
                (r for r in self.repositories if str(r.id) == found[1] and not r.hidden), None
            )
            rest = found[2] or ""
        elif found := _REPOSITORY.match(path):
            it, rest = self.find(f"{found[1]}/{found[2]}"), found[3] or ""
            if it and f"{found[1]}/{found[2]}".lower() != it.full_name.lower():
                raise self._moved(request, it, rest)
        else:
            it, rest = None, ""
        if it is None:
            return _refusal(404, "Not Found", "/repos/{owner}/{repo}")
        return self._of_repository(request, it, rest)

    def _moved(self, request: Request, it: Repository, rest: str, status: int = 301) -> _Answer:
        query = f"?{request.url.query}" if request.url.query else ""
        prefix = "/api/v3" if request.scope["path"].startswith("/api/v3") else ""
        location = f"{self.url}{prefix}/repositories/{it.id}{rest}{query}"
        link = "https://docs.github.com/v3/#http-redirects"
        data = {"message": "Moved Permanently", "url": location, "documentation_url": link}
        return _Answer(status, data, location=location)

    def _of_repository(self, request: Request, it: Repository, rest: str) -> _Answer:
        own = "/repos/{owner}/{repo}"
        if not rest:
            return _Answer(200, shapes.repository(it, self.url), own)
        if rest == "/branches":
            names = sorted(it.branches)
            page, headers = self._page(request, names, it, rest)
            listed = [shapes.short_branch(it, name, self.url) for name in page]
            return _Answer(200, listed, f"{own}/branches", **headers)
        if rest.startswith("/branches/"):
            return self._branch(request, it, rest.removeprefix("/branches/"))
        if rest == "/commits":
            return self._commits(request, it)
        if rest.startswith("/commits/"):
            commit = it.commits.get(rest.removeprefix("/commits/"))
            if commit is None:
                return _refusal(422, f"No commit found for SHA: {rest}")
            shape = shapes.commit(it, commit, self.url, whole=True)
            return _Answer(200, shape, f"{own}/commits/{{ref}}")
        if rest.startswith("/compare/"):
            return self._compare(request, it, rest.removeprefix("/compare/"))
        return _refusal(404, "Not Found", own)

    def _branch(self, request: Request, it: Repository, name: str) -> _Answer:
        template = "/repos/{owner}/{repo}/branches/{branch}"
        name = unquote(name)
        if name in it.former_branches:
            raise self._moved(request, it, f"/branches/{it.former_branches[name]}")
        if name not in it.branches:
            return _refusal(404, "Branch not found", template)
        return _Answer(200, shapes.branch(it, name, self.url), template)

    def _commits(self, request: Request, it: Repository) -> _Answer:
        template = "/repos/{owner}/{repo}/commits"
        if not it.branches:
            return _refusal(409, "Git Repository is empty.", template)
        asked = request.query_params
        start = asked.get("sha", it.default_branch)
        oid = it.branches.get(start, start)
        if oid not in it.commits:
            return _refusal(404, f"No commit found for SHA: {start}", template)
        since, until = asked.get("since", _EPOCH), asked.get("until", "~")
        order = [o for o in it.history(oid) if since <= moment(it.commits[o].committed) <= until]
        page, headers = self._page(request, order, it, "/commits")
        listed = [shapes.commit(it, it.commits[o], self.url) for o in page]
        return _Answer(200, listed, template, **headers)

    def _compare(self, request: Request, it: Repository, basehead: str) -> _Answer:
        template = "/repos/{owner}/{repo}/compare/{basehead}"
        base, _, head = basehead.partition("...")
        base, head = (it.branches.get(unquote(n), n) for n in (base, head))
        if base not in it.commits or head not in it.commits:
            return _refusal(404, "Not Found", template)
        older = it.reachable(base)
        if not older & it.reachable(head):
            return _refusal(404, f"No common ancestor between {base} and {head}.", template)
        new = it.history(head, without=older)[::-1]
        headers: dict[str, str] = {}
        if self.compare_most is not None:
            page = new[-self.compare_most :]
        elif "per_page" in request.query_params or "page" in request.query_params:
            page, headers = self._page(request, new, it, f"/compare/{basehead}")
        else:
            page = new[-250:]
        return _Answer(200, shapes.comparison(it, base, head, page, self.url), template, **headers)

    def _organisation(self, request: Request, name: str) -> _Answer:
        found = [r for r in self.repositories if r.owner == name and not r.hidden]
        if not found:
            return _refusal(404, "Not Found")
        page, headers = self._page(request, found, None, f"/orgs/{name}/repos")
        listed = [shapes.repository(it, self.url, whole=False) for it in page]
        return _Answer(200, listed, "/orgs/{org}/repos", **headers)

    def _page(
        self, request: Request, items: list[Any], it: Repository | None, rest: str
    ) -> tuple[list[Any], dict[str, str]]:
        """Return one page, and the Link header: by number, or by a cursor."""
        asked = dict(request.query_params)
        size = min(100, int(asked.get("per_page", 30)))
        if "after" in asked:
            at = int(base64.urlsafe_b64decode(asked["after"]))
        else:
            at = (int(asked.get("page", 1)) - 1) * size
        if at + size >= len(items):
            return items[at : at + size], {}
        prefix = "/api/v3" if request.scope["path"].startswith("/api/v3") else ""
        where = f"{self.url}{prefix}" + (f"/repositories/{it.id}{rest}" if it else rest)
        if self.cursor_links and rest == "/commits":
            asked["after"] = base64.urlsafe_b64encode(str(at + size).encode()).decode()
            links = [f'<{where}?{urlencode(asked)}>; rel="next"']
        else:
            number = at // size
            last = -(-len(items) // size)
            links = [
                f'<{where}?{urlencode(asked | {"page": number + 2})}>; rel="next"',
                f'<{where}?{urlencode(asked | {"page": last})}>; rel="last"',
            ]
        return items[at : at + size], {"link": ", ".join(links)}


def _faulty(fault: Fault) -> Response:
    if isinstance(fault.body, str):
        body, kind = fault.body, "text/html"
    else:
        body, kind = json.dumps(fault.body or {"message": "?"}), "application/json"
    response = Response(body, fault.status or 200, {"content-type": kind, **filled(fault.headers)})
    return _cut(response) if fault.cut else response


def _cut(response: Response) -> Response:
    """Send half of a body under the whole one's length is refused by the server: end it early."""
    half = bytes(response.body)[: len(response.body) // 2]
    kept = {n: v for n, v in response.headers.items() if n not in ("content-length",)}
    return Response(half, response.status_code, kept)


def _padded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
