"""Metabase's REST API, as far as questions and dashboards need it.

Source: the OpenAPI document that each version of Metabase publishes (``docs/api.json``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

import httpx

from contractline.clients.rest import Rest, RestAnswer
from contractline.errors import ServiceUnavailable, SettingInvalid
from contractline.settings import Endpoints

OLDEST, NEWEST = 57, 65
"""The major versions that are known: from 57 on queries are kept in stages."""

PAGE = 200

_VERSION = re.compile(r"v[01]\.(\d+)")


class Metabase:
    """An instance of Metabase; a context manager.

    Args:
        endpoints: where it is, and who its administrator is.
        transport: what carries the requests; the network when absent.
    """

    def __init__(
        self, endpoints: Endpoints, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._endpoints = endpoints
        if not endpoints.metabase_url:
            raise SettingInvalid(
                "METABASE_URL",
                "is not set",
                hint="set it to Metabase's address; see docs/guides/metabase.md",
            )
        self._rest = Rest(
            "Metabase",
            endpoints.metabase_url,
            setting="METABASE_URL",
            credentials="METABASE_USER and METABASE_PASSWORD, or METABASE_API_KEY, are those of an"
            " administrator",
            transport=transport,
        )
        self._session = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._session:
            self._rest.call("DELETE", "/api/session")
        self._rest.close()

    @property
    def where(self) -> str:
        """Its address, as it may be shown."""
        return self._rest.where

    def has_user(self) -> bool:
        """Tell whether somebody has set it up.

        Raises:
            ServiceUnavailable: it does not answer, or is of a version that is not known to work.
        """
        properties = self._get("/api/session/properties")
        tag = str(properties.get("version", {}).get("tag", "")) if properties else ""
        version = _VERSION.match(tag)
        if version is None:
            raise self._rest.failed(
                f"is of an unknown version ({tag or 'none'})", hint="is METABASE_URL its address?"
            )
        if int(version[1]) < OLDEST:
            raise self._rest.failed(
                f"{tag} is too old: it keeps queries in another form", hint=f"use v0.{OLDEST} on"
            )
        return bool(properties.get("has-user-setup"))

    def set_up(self, site_name: str) -> None:
        """Make the first user, who is the administrator, and log in.

        Raises:
            SettingInvalid: nothing says who it shall be.
            ServiceUnavailable: it refused.
        """
        token = self._get("/api/session/properties").get("setup-token")
        user = {
            "email": self._need("metabase_user"),
            "password": self._need("metabase_password"),
            "first_name": None,
            "last_name": None,
        }
        body = {"token": token, "user": user, "prefs": {"site_name": site_name}}
        self._use(self._post("/api/setup", body)["id"])

    def log_in(self) -> None:
        """Log in as the administrator, or use the API key.

        Raises:
            SettingInvalid: nothing says who that is.
            ServiceUnavailable: it refused.
        """
        if self._session:
            return
        if self._endpoints.metabase_api_key:
            self._rest.set_header("x-api-key", self._endpoints.metabase_api_key)
            return
        body = {
            "username": self._need("metabase_user"),
            "password": self._need("metabase_password"),
        }
        self._use(self._post("/api/session", body)["id"])

    def databases(self) -> list[dict[str, Any]]:
        """Return the databases that it reads."""
        return _rows(self._get("/api/database"))

    def connects(self, database: int) -> str:
        """Return why it does not reach a database; nothing where it does."""
        answer = self._rest.call("GET", f"/api/database/{database}/healthcheck")
        body = answer.body if isinstance(answer.body, dict) else {}
        return "" if body.get("status") == "ok" else str(body.get("message") or answer.message)

    def add_database(self, name: str, details: Mapping[str, Any]) -> int:
        """Add a ClickHouse database, and return its id."""
        body = {
            "name": name,
            "engine": "clickhouse",
            "details": dict(details),
            "is_full_sync": True,
            "is_on_demand": False,
            "connection_source": "admin",
        }
        return int(self._post("/api/database", body)["id"])

    def change_database(self, database: int, details: Mapping[str, Any]) -> None:
        """Change how it reaches a database."""
        self._put(f"/api/database/{database}", {"details": dict(details)})

    def collections(self) -> list[dict[str, Any]]:
        """Return the collections that are not in the trash."""
        return [c for c in _rows(self._get("/api/collection")) if not c.get("archived")]

    def add_collection(self, name: str, description: str) -> int:
        """Make a collection beside the root's own, and return its id."""
        body = {"name": name, "description": description}
        return int(self._post("/api/collection", body)["id"])

    def cards(self, collection: int) -> list[dict[str, Any]]:
        """Return the cards of a collection, whole, their queries in the form before stages.

        Before stages a query is text and tags by name in every version, so it can be compared.
        """
        items = self._items(collection, "card")
        return [self._get(f"/api/card/{item['id']}?legacy-mbql=true") for item in items]

    def dashboards(self, collection: int) -> list[dict[str, Any]]:
        """Return the dashboards of a collection, whole."""
        items = self._items(collection, "dashboard")
        return [self._get(f"/api/dashboard/{item['id']}") for item in items]

    def add_card(self, card: Mapping[str, Any]) -> int:
        """Make a card, and return its id."""
        return int(self._post("/api/card", card)["id"])

    def change_card(self, card_id: int, changes: Mapping[str, Any]) -> None:
        """Change a card."""
        self._put(f"/api/card/{card_id}", changes)

    def add_dashboard(self, dashboard: Mapping[str, Any]) -> dict[str, Any]:
        """Make a dashboard without cards, and return it whole."""
        return dict(self._post("/api/dashboard", dashboard))

    def change_dashboard(self, dashboard: int, changes: Mapping[str, Any]) -> None:
        """Change a dashboard: its tabs and cards too, all of them in one request."""
        self._put(f"/api/dashboard/{dashboard}", changes)

    def _items(self, collection: int, model: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            path = f"/api/collection/{collection}/items?models={model}"
            page = self._get(f"{path}&limit={PAGE}&offset={len(found)}")
            rows = _rows(page)
            found += rows
            if not rows or len(found) >= int(page.get("total", 0)):
                return found

    def _need(self, name: str) -> str:
        value: str | None = getattr(self._endpoints, name)
        if not value:
            raise SettingInvalid(
                name.upper(),
                f"is not set, so there is no way into Metabase at {self.where}",
                hint="set METABASE_USER (an email address) and METABASE_PASSWORD, or"
                " METABASE_API_KEY",
            )
        return value

    def _use(self, session: str) -> None:
        self._session = session
        self._rest.set_header("x-metabase-session", session)

    def _get(self, path: str) -> Any:
        return self._done(self._rest.call("GET", path), f"GET {path}")

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._done(self._rest.call("POST", path, json=body), f"POST {path}")

    def _put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._done(self._rest.call("PUT", path, json=body), f"PUT {path}")

    def _done(self, answer: RestAnswer, request: str) -> Any:
        if not answer.is_ok:
            raise self._refusal(answer, request)
        return answer.body

    def _refusal(self, answer: RestAnswer, request: str) -> ServiceUnavailable:
        body = answer.body
        errors = body.get("errors") if isinstance(body, dict) else None
        if isinstance(errors, dict) and errors:
            words = "; ".join(f"{field}: {problem}" for field, problem in errors.items())
        else:
            words = answer.message
        return self._rest.failed(f"refused {request} (status {answer.status}): {words}")


def _rows(answer: Any) -> list[dict[str, Any]]:
    """Return the rows of an answer: a page of them, or all."""
    return list(answer["data"] if isinstance(answer, dict) else answer)
