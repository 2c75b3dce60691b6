"""The target ``reports``: Metabase against the questions and dashboards of ``reports/``.

Everything lies in one collection. What people put there themselves stays; what was applied from
here and is declared no more goes to Metabase's trash, from where it can be taken back.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlglot import exp

from contractline.contracts.model import Contract
from contractline.errors import SettingInvalid
from contractline.finding import Finding
from contractline.lineage.sql.parsing import only_query, tree_of
from contractline.metabase import cards, dashboards
from contractline.metabase.cards import NOTE, Card
from contractline.metabase.client import Metabase
from contractline.metabase.export import Export, exported
from contractline.metabase.marks import is_changed_by_hand, source_of
from contractline.plan import Change, Plan, Step
from contractline.project import Project
from contractline.reports.load import Reports, load_reports
from contractline.reports.model import ChoiceFilter
from contractline.settings import Endpoints
from contractline.targets.differences import plan_of, refused

NAME = "contractline"
"""The name of the site, the database and the collection."""

ABOUT = (
    "Questions and dashboards as the repository declares them in reports/: `contractline apply"
    " reports` takes changes by hand back. To keep one, copy it into another collection."
)
CONNECTS = "METABASE_CONNECTS"
HTTP_PORT = 8123


@dataclass(frozen=True, slots=True)
class SetUp:
    """Make the first user."""


@dataclass(frozen=True, slots=True)
class PutDatabase:
    """Add the database, or change how it is reached."""


@dataclass(frozen=True, slots=True)
class PutCollection:
    """Make the collection."""


@dataclass(frozen=True, slots=True)
class PutCard:
    """Make or change the card that a file declares."""

    source: str


@dataclass(frozen=True, slots=True)
class PutDashboard:
    """Make or change the dashboard that a file declares."""

    source: str


@dataclass(frozen=True, slots=True)
class Archive:
    """Put a card or a dashboard that no file declares into the trash."""

    kind: str
    id: int


@dataclass
class _Live:
    """What is on the server: cards and dashboards of ours by the file that declares each.

    Attributes:
        declared: the cards that shall be, once they were rendered for a database.
    """

    database: dict[str, Any] | None = None
    collection: int | None = None
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    declared: dict[int, dict[str, Card]] = field(default_factory=dict)

    @property
    def database_id(self) -> int:
        """The id of the database; 0 where there is none yet."""
        return int(self.database["id"]) if self.database else 0


class MetabaseReports:
    """Metabase against ``reports/``."""

    name = "reports"

    def __init__(
        self, project: Project, contracts: Sequence[Contract], endpoints: Endpoints
    ) -> None:
        self._project = project
        self._endpoints = endpoints

    def plan(self) -> Plan:
        """Compare the collection with the questions and dashboards."""
        reports = load_reports(self._project)
        with Metabase(self._endpoints) as metabase:
            return plan_of(self.name, self._differences(metabase, reports))

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry the steps out; each is whole by itself, so a break in the middle leaves no halves."""
        if not plan.steps:
            return
        reports = load_reports(self._project)
        with Metabase(self._endpoints) as metabase:
            if any(isinstance(step.payload, SetUp) for step in plan.steps):
                metabase.set_up(NAME)
            metabase.log_in()
            live = _read(metabase)
            for step in plan.steps:
                self._carry_out(step.payload, metabase, reports, live)
                yield step

    def exported(self) -> list[Export]:
        """Return what people changed by hand on cards, as changes to the files of the questions."""
        reports = load_reports(self._project)
        with Metabase(self._endpoints) as metabase:
            if not metabase.has_user():
                return []
            metabase.log_in()
            live = _read(metabase)
        there = {source: cards.live_card(card) for source, card in live.cards.items()}
        return list(exported(reports, there, live.database_id))

    def _differences(self, metabase: Metabase, reports: Reports) -> Iterator[Step | Finding]:
        is_new = not metabase.has_user()
        if is_new:
            who = self._endpoints.need("metabase_user")
            yield Step(Change.CREATE, "setup", f"make {who} the administrator", payload=SetUp())
            live = _Live()
        else:
            metabase.log_in()
            live = _read(metabase)
        yield from self._database(metabase, live)
        if live.collection is None:
            yield Step(Change.CREATE, NAME, "make the collection", payload=PutCollection())
        yield from self._cards(reports, live)
        yield from self._dashboards(reports, live)
        yield from _orphans(reports, live)

    def _database(self, metabase: Metabase, live: _Live) -> Iterator[Step | Finding]:
        details = self._details()
        address = f"{details['user']}@{details['host']}:{details['port']}"
        if live.database is None:
            summary = f"add ClickHouse, read as {address}"
            yield Step(Change.CREATE, f"database {NAME}", summary, payload=PutDatabase())
            return
        known = live.database["details"]
        other = [k for k, v in details.items() if k != "password" and known.get(k) != v]
        problem = metabase.connects(live.database["id"])
        if other or problem:
            reason = f"{', '.join(other)} differ" if other else "it does not connect"
            summary = f"read as {address} ({reason})"
            yield Step(Change.ALTER, f"database {NAME}", summary, payload=PutDatabase())
        if problem and not other:
            yield refused(
                CONNECTS,
                f"database {NAME}",
                f"Metabase does not reach ClickHouse at {address}: {problem}",
                "METABASE_CLICKHOUSE_URL is ClickHouse's HTTP address as Metabase sees it",
            )

    def _details(self) -> dict[str, Any]:
        name = "metabase_clickhouse_url"
        own = self._endpoints.metabase_clickhouse_url or self._endpoints.clickhouse_reports_url
        url = own or self._endpoints.need("clickhouse_url")
        parts = urlsplit(url)
        try:
            port = parts.port or HTTP_PORT
        except ValueError as problem:
            raise SettingInvalid(name.upper(), f"{problem}") from problem
        if not parts.hostname or not parts.username:
            raise SettingInvalid(name.upper(), "is not of the form http://user:password@host:port")
        return {
            "host": parts.hostname,
            "port": port,
            "user": unquote(parts.username),
            "password": unquote(parts.password or ""),
            "dbname": "reporting",
            "ssl": parts.scheme == "https",
        }

    def _declared_cards(self, reports: Reports, live: _Live) -> dict[str, cards.Card]:
        """Return the cards that shall be, by the file that declares each."""
        database = live.database_id
        if (known := live.declared.get(database)) is not None:
            return known
        declared = [
            cards.options_card(name, spec, database)
            for name, spec in reports.filters.filters.items()
            if isinstance(spec, ChoiceFilter)
        ]
        declared += [
            cards.question_card(question, reports.filters, database)
            for question in reports.questions.values()
        ]
        live.declared[database] = {source_of(card["description"]): card for card in declared}
        return live.declared[database]

    def _cards(self, reports: Reports, live: _Live) -> Iterator[Step]:
        for source, card in self._declared_cards(reports, live).items():
            there = live.cards.get(source)
            if there is None:
                sql = card["query"]["native"]
                yield Step(Change.CREATE, card["name"], "make the question", sql, PutCard(source))
                continue
            now = cards.live_card(there)
            words = cards.differences(card, now)
            if words:
                detail = _detail(now["query"]["native"], card["query"]["native"])
                yield Step(Change.ALTER, card["name"], _reason(words, now), detail, PutCard(source))

    def _dashboards(self, reports: Reports, live: _Live) -> Iterator[Step]:
        declared_cards = self._declared_cards(reports, live)
        for dashboard in reports.dashboards.values():
            state = self._dashboard(dashboard.name, reports, declared_cards, live)
            source = source_of(state["description"])
            there = live.dashboards.get(source)
            payload = PutDashboard(source)
            if there is None:
                panels = len(dashboard.spec.panels)
                summary = f"make the dashboard, of {panels} questions"
                yield Step(Change.CREATE, state["name"], summary, payload=payload)
                continue
            now = dashboards.live_dashboard(there)
            words = cards.differences(state, now)
            if words:
                yield Step(Change.ALTER, state["name"], _reason(words, now), "", payload)

    def _dashboard(
        self,
        name: str,
        reports: Reports,
        declared_cards: Mapping[str, cards.Card],
        live: _Live,
    ) -> dashboards.DashboardState:
        by_question = {}
        options = {}
        for source, card in declared_cards.items():
            card_id = live.cards[source]["id"] if source in live.cards else 0
            file, _, filter_name = source.partition("#")
            if filter_name:
                column = _first_column(card["query"]["native"])
                options[filter_name] = {**card, "id": card_id, "column": column}
            else:
                by_question[file.rpartition("/")[2].removesuffix(".sql")] = {**card, "id": card_id}
        return dashboards.declared_dashboard(
            reports.dashboards[name], reports.filters, by_question, options
        )

    def _carry_out(
        self, payload: object, metabase: Metabase, reports: Reports, live: _Live
    ) -> None:
        """Carry one step out, and bring what is known of the server up to date."""
        match payload:
            case PutDatabase():
                if live.database is None:
                    live.database = {"id": metabase.add_database(NAME, self._details())}
                else:
                    metabase.change_database(live.database_id, self._details())
            case PutCollection():
                live.collection = metabase.add_collection(NAME, ABOUT)
            case PutCard(source):
                self._put_card(source, metabase, reports, live)
            case PutDashboard(source):
                self._put_dashboard(source, metabase, reports, live)
            case Archive("card", card_id):
                metabase.change_card(card_id, {"archived": True})
            case Archive(_, dashboard_id):
                metabase.change_dashboard(dashboard_id, {"archived": True})

    def _put_card(self, source: str, metabase: Metabase, reports: Reports, live: _Live) -> None:
        card = self._declared_cards(reports, live)[source]
        request = {**cards.request_of(card), "collection_id": live.collection}
        if source in live.cards:
            metabase.change_card(live.cards[source]["id"], request)
        else:
            live.cards[source] = {"id": metabase.add_card(request)}

    def _put_dashboard(
        self, source: str, metabase: Metabase, reports: Reports, live: _Live
    ) -> None:
        name = source.rpartition("/")[2].removesuffix(".yaml")
        declared_cards = self._declared_cards(reports, live)
        state = self._dashboard(name, reports, declared_cards, live)
        there = live.dashboards.get(source)
        if there is None:
            # Marked from the beginning: after a break between the two requests it is found again.
            empty = {key: state[key] for key in ("name", "description")}
            there = metabase.add_dashboard({**empty, "collection_id": live.collection})
        metabase.change_dashboard(there["id"], dashboards.request_of(state, there))


def _read(metabase: Metabase) -> _Live:
    """Read what is on the server."""
    ours = (d for d in metabase.databases() if d["name"] == NAME and d["engine"] == "clickhouse")
    database = next(ours, None)
    collection = next((c["id"] for c in metabase.collections() if c["name"] == NAME), None)
    if collection is None:
        return _Live(database)
    return _Live(
        database,
        collection,
        _by_source(metabase.cards(collection)),
        _by_source(metabase.dashboards(collection)),
    )


def _by_source(objects: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {source_of(item.get("description")): item for item in reversed(objects)}
    found.pop("", None)
    return found


def _orphans(reports: Reports, live: _Live) -> Iterator[Step]:
    """Return what was applied from a file that is there no more."""
    declared = {f"reports/questions/{name}.sql" for name in reports.questions}
    declared |= {f"reports/dashboards/{name}.yaml" for name in reports.dashboards}
    declared |= {
        f"reports/filters.yaml#{name}"
        for name, spec in reports.filters.filters.items()
        if isinstance(spec, ChoiceFilter)
    }
    for kind, there in (("dashboard", live.dashboards), ("card", live.cards)):
        for source in sorted(there.keys() - declared):
            item = there[source]
            summary = f"put it into the trash: {source} is not there any more"
            yield Step(Change.REMOVE, item["name"], summary, payload=Archive(kind, int(item["id"])))


def _reason(words: Sequence[str], live: Mapping[str, Any]) -> str:
    what = ", ".join(words)
    if is_changed_by_hand(live) and words != [NOTE]:
        return f"take back what was changed by hand in Metabase ({what})"
    return f"change {what}"


def _detail(live: str, declared: str) -> str:
    lines = difflib.unified_diff(
        live.splitlines(), declared.splitlines(), "in Metabase", "declared", lineterm=""
    )
    return "\n".join(lines)


def _first_column(sql: str) -> str:
    """Return the name of the first column of a query."""
    query = only_query(tree_of(sql))
    return str(query.named_selects[0]) if isinstance(query, exp.Query) else ""
