"""The routes: each checks its request against ``api.yaml`` and answers as Metabase does."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import yaml
from jsonschema_rs import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.metabase_server import native
from tests.metabase_server.state import REDACTED, State, entity_id, redacted

_API = yaml.safe_load((Path(__file__).parent / "api.yaml").read_text())
_OPEN = {"GET /api/session/properties", "POST /api/session", "POST /api/setup", "GET /api/health"}
_DISPLAYS = {
    "table",
    "line",
    "area",
    "bar",
    "row",
    "scalar",
    "smartscalar",
    "pie",
    "pivot",
    "combo",
    "progress",
    "gauge",
    "funnel",
    "scatter",
    "waterfall",
    "map",
    "object",
}

Answer = Any
Handler = Callable[["Call"], Awaitable[Answer]]


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Call:
    """One checked request."""

    def __init__(self, state: State, request: Request, body: Any) -> None:
        self.state = state
        self.request = request
        self.body = body

    @property
    def id(self) -> int:
        """The id in the path."""
        return int(self.request.path_params["id"])

    def find(self, kept: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
        """Return what has the id in the path."""
        if self.id not in kept:
            raise Refused(404, "Not found.")
        return kept[self.id]

    def flag(self, name: str) -> bool:
        """Tell whether a query parameter is true."""
        return self.request.query_params.get(name) == "true"


def application(state: State) -> Starlette:
    """Return the server of an instance."""
    routes = [
        Route(
            path.replace("{id}", "{id:int}"),
            _endpoint(state, f"{method} {path}", handler),
            methods=[method],
        )
        for method, path, handler in _ROUTES
    ]
    return Starlette(routes=routes)


def _endpoint(
    state: State, name: str, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    schema = _API["requests"].get(name)
    validator = Draft202012Validator({"definitions": _API["definitions"], **(schema or {})})

    async def answer(request: Request) -> Response:
        state.requests.append(f"{request.method} {request.url.path}")
        try:
            _authorise(state, name, request)
            raw = await request.body()
            body = json.loads(raw) if raw else None
            if schema is not None:
                _validate(validator, body)
            result = await handler(Call(state, request, body))
        except Refused as refusal:
            if isinstance(refusal.body, str):
                return PlainTextResponse(refusal.body, refusal.status)
            return JSONResponse(refusal.body, refusal.status)
        return Response(status_code=204) if result is None else JSONResponse(result)

    return answer


def _authorise(state: State, name: str, request: Request) -> None:
    session = request.headers.get("x-metabase-session", "")
    key = request.headers.get("x-api-key", "")
    if name not in _OPEN and session not in state.sessions and key not in state.api_keys:
        raise Refused(401, "Unauthenticated")


def _validate(validator: Draft202012Validator, body: Any) -> None:
    errors = {
        "/".join(map(str, problem.instance_path)) or "_": problem.message
        for problem in validator.iter_errors(body)
    }
    if errors:
        raise Refused(400, {"specific-errors": errors, "errors": errors})


async def _properties(call: Call) -> Answer:
    return {
        "setup-token": call.state.setup_token,
        "has-user-setup": bool(call.state.users),
        "version": {"tag": f"v0.{call.state.version}.1", "date": "2026-07-01"},
    }


async def _setup(call: Call) -> Answer:
    if call.state.users:
        raise Refused(
            403,
            "The /api/setup route can only be used to create the first user, however a user"
            " currently exists.",
        )
    if call.body["token"] != call.state.setup_token:
        raise Refused(400, {"errors": {"token": "Token does not match the setup token."}})
    user = call.body["user"]
    if len(user["password"]) < 6 or not any(letter.isdigit() for letter in user["password"]):
        raise Refused(400, {"errors": {"user.password": "password is too common."}})
    call.state.users[user["email"]] = user["password"]
    call.state.setup_token = None
    return {"id": call.state.open_session(user["email"])}


async def _log_in(call: Call) -> Answer:
    if call.state.users.get(call.body["username"]) != call.body["password"]:
        raise Refused(401, {"errors": {"password": "did not match stored password"}})
    return {"id": call.state.open_session(call.body["username"])}


async def _log_out(call: Call) -> Answer:
    call.state.sessions.pop(call.request.headers.get("x-metabase-session", ""), None)


async def _databases(call: Call) -> Answer:
    kept = [redacted(database) for database in call.state.databases.values()]
    return {"data": kept, "total": len(kept)}


async def _database(call: Call) -> Answer:
    return redacted(call.find(call.state.databases))


async def _add_database(call: Call) -> Answer:
    if call.body["engine"] != "clickhouse":
        raise Refused(400, {"errors": {"engine": "value must be a valid database engine."}})
    database = {"id": call.state.next_id(), "name": call.body["name"], "engine": "clickhouse"}
    database["details"] = dict(call.body["details"])
    call.state.databases[database["id"]] = database
    return redacted(database)


async def _change_database(call: Call) -> Answer:
    database = call.find(call.state.databases)
    change = dict(call.body)
    if "details" in change:
        password = change["details"].get("password")
        kept = database["details"].get("password")
        change["details"] = {
            **change["details"],
            **({"password": kept} if password in (None, REDACTED) and kept else {}),
        }
    database |= change
    return redacted(database)


async def _health(call: Call) -> Answer:
    details = call.find(call.state.databases)["details"]
    try:
        await _ask(details, "SELECT 1 FORMAT JSONCompact")
    except (httpx.HTTPError, native.QueryInvalid) as problem:
        return {"status": "error", "message": str(problem)}
    return {"status": "ok"}


async def _collections(call: Call) -> Answer:
    root = {"id": "root", "name": "Our analytics", "archived": False}
    archived = call.flag("archived")
    return [root, *(c for c in call.state.collections.values() if c["archived"] == archived)]


async def _add_collection(call: Call) -> Answer:
    parent = call.body.get("parent_id")
    if parent is not None and parent not in call.state.collections:
        raise Refused(404, "Not found.")
    collection = {
        "id": call.state.next_id(),
        "entity_id": entity_id(),
        "name": call.body["name"],
        "description": call.body.get("description"),
        "parent_id": parent,
        "location": "/" if parent is None else f"/{parent}/",
        "archived": False,
    }
    call.state.collections[collection["id"]] = collection
    return collection


async def _change_collection(call: Call) -> Answer:
    collection = call.find(call.state.collections)
    collection |= call.body
    return collection


async def _items(call: Call) -> Answer:
    call.find(call.state.collections)
    models = call.request.query_params.getlist("models")
    found = [
        {"id": item["id"], "model": model, "name": item["name"], "description": item["description"]}
        for model, kept in (("card", call.state.cards), ("dashboard", call.state.dashboards))
        for item in kept.values()
        if item["collection_id"] == call.id and not item["archived"]
        if not models or model in models
    ]
    limit = int(call.request.query_params.get("limit", len(found) or 1))
    offset = int(call.request.query_params.get("offset", 0))
    return {"data": found[offset : offset + limit], "total": len(found), "limit": limit}


def _card_shown(call: Call, card: Mapping[str, Any]) -> dict[str, Any]:
    legacy = call.flag("legacy-mbql")
    query = native.shown(card["dataset_query"], call.state.version, legacy=legacy)
    return {**card, "dataset_query": query}


def _card_values(call: Call) -> dict[str, Any]:
    values = dict(call.body)
    if "dataset_query" in values:
        try:
            values["dataset_query"] = native.stored(values["dataset_query"])
        except native.QueryInvalid as problem:
            raise Refused(400, {"errors": {"dataset_query": str(problem)}}) from problem
        if values["dataset_query"]["database"] not in call.state.databases:
            raise Refused(404, "Not found.")
        values["database_id"] = values["dataset_query"]["database"]
    if values.get("display", "table") not in _DISPLAYS:
        raise Refused(400, {"errors": {"display": f"no visualization {values['display']}"}})
    collection = values.get("collection_id")
    if collection is not None and collection not in call.state.collections:
        raise Refused(404, "Not found.")
    return values


async def _cards(call: Call) -> Answer:
    archived = call.request.query_params.get("f") == "archived"
    return [_card_shown(call, c) for c in call.state.cards.values() if c["archived"] == archived]


async def _card(call: Call) -> Answer:
    return _card_shown(call, call.find(call.state.cards))


async def _add_card(call: Call) -> Answer:
    empty: dict[str, Any] = {
        "description": None,
        "type": "question",
        "parameters": [],
        "collection_id": None,
        "archived": False,
        "query_type": "native",
        "enable_embedding": False,
        "table_id": None,
        "creator_id": 1,
    }
    card = {"id": call.state.next_id(), "entity_id": entity_id(), **empty, **_card_values(call)}
    call.state.cards[card["id"]] = card
    return _card_shown(call, card)


async def _change_card(call: Call) -> Answer:
    card = call.find(call.state.cards)
    card |= _card_values(call)
    return _card_shown(call, card)


async def _run_card(call: Call) -> Answer:
    card = call.find(call.state.cards)
    values = {
        parameter["target"][1][1]: parameter["value"]
        for parameter in call.body.get("parameters", [])
    }
    details = call.state.databases[card["database_id"]]["details"]
    try:
        sql = native.expanded(card["dataset_query"]["native"], values)
        answer = await _ask(details, f"{sql}\nFORMAT JSONCompact")
    except (httpx.HTTPError, native.QueryInvalid) as problem:
        raise Refused(202, {"status": "failed", "error": str(problem)}) from problem
    columns = [{"name": column["name"], "base_type": column["type"]} for column in answer["meta"]]
    return {
        "status": "completed",
        "row_count": len(answer["data"]),
        "data": {"cols": columns, "rows": answer["data"]},
    }


async def _ask(details: Mapping[str, Any], sql: str) -> Any:
    address = f"http://{details['host']}:{details['port']}/"
    query = urlencode({"database": details.get("dbname", "default")}, quote_via=quote)
    credentials = httpx.BasicAuth(details["user"], details.get("password", ""))
    async with httpx.AsyncClient(trust_env=False, auth=credentials, timeout=30) as client:
        response = await client.post(f"{address}?{query}", content=sql.encode())
    if response.is_error:
        raise native.QueryInvalid(response.text)
    return response.json()


def _dashboard_shown(call: Call, dashboard: Mapping[str, Any]) -> dict[str, Any]:
    cards = [
        {**dashcard, "card": _card_shown(call, call.state.cards[dashcard["card_id"]])}
        for dashcard in dashboard["dashcards"]
    ]
    return {**dashboard, "dashcards": cards}


async def _dashboards(call: Call) -> Answer:
    kept = [d for d in call.state.dashboards.values() if not d["archived"]]
    return [{k: v for k, v in d.items() if k not in {"dashcards", "tabs"}} for d in kept]


async def _dashboard(call: Call) -> Answer:
    return _dashboard_shown(call, call.find(call.state.dashboards))


async def _add_dashboard(call: Call) -> Answer:
    empty: dict[str, Any] = {
        "description": None,
        "parameters": [],
        "collection_id": None,
        "archived": False,
        "width": "fixed",
        "tabs": [],
        "dashcards": [],
        "auto_apply_filters": True,
        "enable_embedding": False,
        "creator_id": 1,
    }
    dashboard = {"id": call.state.next_id(), "entity_id": entity_id(), **empty, **call.body}
    call.state.dashboards[dashboard["id"]] = dashboard
    return _dashboard_shown(call, dashboard)


async def _change_dashboard(call: Call) -> Answer:
    dashboard = call.find(call.state.dashboards)
    change = dict(call.body)
    tabs = {tab["id"]: tab["id"] for tab in dashboard["tabs"]}
    if "tabs" in change:
        change["tabs"] = [
            _kept(call, tab, {t["id"] for t in dashboard["tabs"]}, tabs) | {"position": position}
            for position, tab in enumerate(change["tabs"])
        ]
        tabs = {old: new for old, new in tabs.items() if new in {t["id"] for t in change["tabs"]}}
    if "dashcards" in change:
        known = {dashcard["id"] for dashcard in dashboard["dashcards"]}
        change["dashcards"] = [
            _placed(call, _kept(call, dashcard, known, {}), tabs, has_tabs=bool(tabs))
            for dashcard in change["dashcards"]
        ]
    dashboard |= change
    return _dashboard_shown(call, dashboard)


def _kept(
    call: Call, item: Mapping[str, Any], known: set[int], ids: dict[int, int]
) -> dict[str, Any]:
    """Return a tab or card of a dashboard with its id; a negative one becomes a new id."""
    if item["id"] > 0 and item["id"] not in known:
        raise Refused(404, "Not found.")
    ids[item["id"]] = item["id"] if item["id"] > 0 else call.state.next_id()
    return {"entity_id": entity_id(), "dashboard_id": call.id, **item, "id": ids[item["id"]]}


def _placed(
    call: Call, dashcard: dict[str, Any], tabs: Mapping[int, int], *, has_tabs: bool
) -> dict[str, Any]:
    if dashcard.get("card_id") not in call.state.cards:
        raise Refused(404, "Not found.")
    tab = dashcard.get("dashboard_tab_id")
    if has_tabs and tab not in tabs:
        raise Refused(
            400, {"errors": {"dashcards": "This dashboard has tab, so each card needs one"}}
        )
    empty: dict[str, Any] = {"parameter_mappings": [], "series": [], "visualization_settings": {}}
    return {**empty, **dashcard, "dashboard_tab_id": tabs.get(tab) if tab is not None else None}


async def _nothing(call: Call) -> Answer:
    return []


async def _healthy(call: Call) -> Answer:
    return {"status": "ok"}


_ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/api/health", _healthy),
    ("GET", "/api/session/properties", _properties),
    ("POST", "/api/setup", _setup),
    ("POST", "/api/session", _log_in),
    ("DELETE", "/api/session", _log_out),
    ("GET", "/api/database", _databases),
    ("POST", "/api/database", _add_database),
    ("GET", "/api/database/{id}", _database),
    ("PUT", "/api/database/{id}", _change_database),
    ("GET", "/api/database/{id}/healthcheck", _health),
    ("GET", "/api/collection", _collections),
    ("POST", "/api/collection", _add_collection),
    ("PUT", "/api/collection/{id}", _change_collection),
    ("GET", "/api/collection/{id}/items", _items),
    ("GET", "/api/card", _cards),
    ("POST", "/api/card", _add_card),
    ("GET", "/api/card/{id}", _card),
    ("PUT", "/api/card/{id}", _change_card),
    ("POST", "/api/card/{id}/query", _run_card),
    ("GET", "/api/dashboard", _dashboards),
    ("POST", "/api/dashboard", _add_dashboard),
    ("GET", "/api/dashboard/{id}", _dashboard),
    ("PUT", "/api/dashboard/{id}", _change_dashboard),
    # What other clients look at, and contractline does not use.
    ("GET", "/api/native-query-snippet", _nothing),
    ("GET", "/api/pulse", _nothing),
    ("GET", "/api/user", _nothing),
]
