from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contractline.clickhouse.ddl import stream_files
from contractline.contracts.change import changes
from contractline.contracts.load import load_drafts
from contractline.gate.impact import FieldReader, Kind, impact
from contractline.project import Project

ROOT = Path(__file__).parents[3]
FOLDERS = ("contracts", "clickhouse_ddl", "producer")

# What the files of this repository read, found by reading them. A file that is not named here may
# come and go; those that are must be as they are.
REPOSITORY = {
    ("github_users", "team"): {
        "clickhouse_ddl/streams/github_users.sql",
        "clickhouse_ddl/reporting/user_periods.sql",
        "clickhouse_ddl/reporting/commits.sql",
        "clickhouse_ddl/reporting/contributions.sql",
        "clickhouse_ddl/reporting/commits_by_team.sql",
        "clickhouse_ddl/reporting/users.sql",
    },
    ("github_users", "position"): {
        "clickhouse_ddl/streams/github_users.sql",
        "clickhouse_ddl/reporting/user_periods.sql",
        "clickhouse_ddl/reporting/commits.sql",
        "clickhouse_ddl/reporting/contributions.sql",
        "clickhouse_ddl/reporting/commits_by_position.sql",
        "clickhouse_ddl/reporting/users.sql",
    },
    ("github_users", "birth_date"): {
        "clickhouse_ddl/streams/github_users.sql",
        "clickhouse_ddl/reporting/users.sql",
        "clickhouse_ddl/reporting/commits.sql",
        "clickhouse_ddl/reporting/contributions.sql",
    },
    ("github_identities", "kind"): {
        "clickhouse_ddl/streams/github_identities.sql",
        "clickhouse_ddl/reporting/identities.sql",
        "clickhouse_ddl/reporting/authors.sql",
        "clickhouse_ddl/reporting/commits.sql",
        "clickhouse_ddl/reporting/commits_by_position.sql",
        "clickhouse_ddl/reporting/commits_by_team.sql",
        "clickhouse_ddl/reporting/contributions.sql",
    },
    ("commits", "commit_message"): {
        "clickhouse_ddl/streams/commits.sql",
        "clickhouse_ddl/reporting/contributions.sql",
        "clickhouse_ddl/reporting/commits.sql",
        "producer/commit.py",
    },
    ("commits", "committed_at"): {
        "contracts/commits/contract.odcs.yaml",
        "clickhouse_ddl/streams/commits.sql",
        "clickhouse_ddl/reporting/commits.sql",
        "clickhouse_ddl/reporting/authors.sql",
        "clickhouse_ddl/reporting/contributions.sql",
        "clickhouse_ddl/reporting/commits_by_position.sql",
        "clickhouse_ddl/reporting/commits_by_team.sql",
        "producer/commit.py",
    },
    ("commits", "changed_files"): {
        "clickhouse_ddl/streams/commits.sql",
        "clickhouse_ddl/reporting/contributions.sql",
        "clickhouse_ddl/reporting/commits.sql",
        "producer/commit.py",
        "producer/git/history.py",
        "producer/git/parse.py",
        "producer/sources/fake.py",
    },
    ("cursors", "position"): {"producer/cursors.py"},
}
NAMED = frozenset().union(*REPOSITORY.values()) | {
    "clickhouse_ddl/databases.sql",
    "clickhouse_ddl/reporting/open_errors.sql",
    "producer/run.py",
    "producer/report.py",
    "producer/sources/git.py",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, root / name)
    return Project(root)


def without(project: Project, stream: str, field: str, root: Path) -> Project:
    """Copy a project, and take a field out of a stream there."""
    shutil.copytree(project.root, root)
    (schema,) = (root / "contracts").rglob(f"{stream}/value.avsc")
    definition = json.loads(schema.read_text())
    definition["fields"] = [one for one in definition["fields"] if one["name"] != field]
    schema.write_text(json.dumps(definition))
    return Project(root)


@pytest.mark.parametrize(("stream", "field"), REPOSITORY)
def test_the_readers_in_this_repository(repository, stream, field, tmp_path):
    now = without(repository, stream, field, tmp_path / "now")
    found = impact(now, changes(load_drafts(repository), load_drafts(now)))
    files = {reader.file.relative_to(now.root).as_posix() for reader in found}
    assert files & NAMED == REPOSITORY[stream, field]
    assert {(reader.stream, reader.field) for reader in found} == {(stream, field)}


def test_the_line_and_the_words(repository, tmp_path):
    now = without(repository, "github_users", "team", tmp_path / "now")
    found = impact(now, changes(load_drafts(repository), load_drafts(now)))
    by_team = next(reader for reader in found if reader.name == "reporting.commits_by_team")
    lines = by_team.file.read_text().splitlines()
    assert lines[by_team.line - 1] == "    team,"
    assert by_team.words(now.root) == (
        "clickhouse_ddl/reporting/commits_by_team.sql:6: view reporting.commits_by_team"
        " reads `team`, `team_at_commit` of reporting.commits_by_time"
    )


# A small project of its own, for what the repository does not hold.


@pytest.fixture
def shop(project):
    """The streams clicks and people with their generated tables, and what reads them."""
    for file, sql in stream_files(project, [d.complete for d in load_drafts(project)]).items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(sql)
    return project


@pytest.fixture
def put(shop) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        file: Path = shop.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


def readers(shop: Project, stream: str, old: str, new: str) -> list[FieldReader]:
    """Return who reads what an edit of a working schema touches."""
    before = load_drafts(shop)
    (schema,) = shop.contracts.rglob(f"{stream}/value.avsc")
    text = schema.read_text()
    assert text.count(old) == 1
    schema.write_text(text.replace(old, new))
    return list(impact(shop, changes(before, load_drafts(shop))))


PERSON = '    {"name": "person", "type": ["null", "string"], "default": null, "doc": "Who, when known."},\n'


def names(found: list[FieldReader], *kinds: Kind) -> list[str]:
    return [reader.name for reader in found if not kinds or reader.kind in kinds]


def test_only_what_is_felt_counts(shop):
    assert readers(shop, "clicks", PERSON, PERSON + PERSON.replace("person", "visitor")) == []
    assert readers(shop, "clicks", "When the record was made.", "When it was made.") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PERSON, ""),
        ('"name": "person"', '"name": "visitor", "aliases": ["person"]'),
        (
            '["null", "string"], "default": null, "doc": "Who',
            '"string", "default": "", "doc": "Who',
        ),
        ('["null", "string"], "default": null', '["null", "long"], "default": null'),
        ('["null", "string"], "default": null', '["string", "null"], "default": ""'),
    ],
)
def test_removed_renamed_type_nullability_and_default_are_felt(shop, old, new):
    found = readers(shop, "clicks", old, new)
    assert [(r.field, r.kind, r.name) for r in found] == [
        ("person", Kind.CONTRACT, "clicks"),
        ("person", Kind.GENERATED, "clicks"),
    ]
    assert found[0].how == "ranks records by it"
    document, line = found[0].file.read_text().splitlines(), found[0].line
    assert document[line - 1].strip() == "rank: [person]"
    generated = found[1].file.read_text().splitlines()
    assert generated[found[1].line - 1].strip().startswith("person ")


def test_a_removed_stream_takes_its_readers_along(shop, put):
    put(
        "clickhouse_ddl/reporting/v.sql",
        "CREATE VIEW reporting.v AS SELECT click FROM shop.clicks;",
    )
    before = load_drafts(shop)
    shutil.rmtree(shop.contracts / "clicks")
    (shop.ddl / "streams" / "clicks.sql").unlink()
    found = impact(shop, changes(before, load_drafts(shop)))
    assert [(r.field, r.line) for r in found if r.kind is Kind.VIEW] == [("click", 1)]
    assert {r.field for r in found} == {"shop", "click", "person", "seen_at", "made_at"}


VIEWS = """\
-- Comments; and; semicolons.
CREATE OR REPLACE VIEW reporting.star AS SELECT * FROM shop.clicks FINAL COMMENT 'it''s; all';

CREATE VIEW reporting.renamed AS
WITH c AS (SELECT click, person AS who FROM reporting.star)
SELECT
    click,
    upper(who) AS visitor
FROM c
SETTINGS join_use_nulls = 0
COMMENT 'who';

CREATE VIEW reporting.trap AS
SELECT p.person, c.click
FROM shop.clicks AS c
JOIN (SELECT person FROM shop.people) AS p ON p.person = c.click;

CREATE VIEW reporting.top AS SELECT count() AS n, max(visitor) AS last FROM reporting.renamed;

CREATE VIEW reporting.rows AS SELECT click FROM reporting.renamed;

CREATE TABLE reporting.totals
(
    visitor String,
    clicks AggregateFunction(count),
    first String DEFAULT substring(visitor, 1, 1)
)
ENGINE = AggregatingMergeTree ORDER BY visitor;

CREATE MATERIALIZED VIEW reporting.totals_feed TO reporting.totals AS
SELECT ifNull(person, '') AS visitor, countState() AS clicks FROM ingestion.clicks GROUP BY visitor;

CREATE VIEW reporting.firsts AS SELECT first FROM reporting.totals;

CREATE DICTIONARY reporting.who (click String, person String)
PRIMARY KEY click
SOURCE(CLICKHOUSE(QUERY 'SELECT click, person FROM reporting.star'))
LIFETIME(300) LAYOUT(COMPLEX_KEY_HASHED());

CREATE DICTIONARY reporting.direct (click String, person String)
PRIMARY KEY click SOURCE(CLICKHOUSE(DB 'shop' TABLE 'clicks')) LIFETIME(300)
LAYOUT(COMPLEX_KEY_HASHED());

CREATE VIEW reporting.looked_up AS
SELECT dictGet('reporting.who', 'person', person) AS looked FROM shop.people;
"""


def test_readers_through_any_number_of_steps(shop, put):
    put("clickhouse_ddl/reporting/all.sql", VIEWS)
    put(
        "clickhouse_ddl/reporting/before.sql",
        "CREATE VIEW reporting.a AS SELECT last FROM reporting.top;",
    )
    found = readers(shop, "clicks", PERSON, "")
    sql = {r.name: (r.kind, r.line, r.how) for r in found if r.file.parent.name == "reporting"}
    assert sql == {
        "reporting.star": (Kind.VIEW, 2, "reads `person`, `version` of shop.clicks"),
        "reporting.renamed": (Kind.VIEW, 5, "reads `person` of reporting.star"),
        "reporting.top": (Kind.VIEW, 18, "reads `visitor` of reporting.renamed"),
        "reporting.totals": (Kind.TABLE, 26, "reads `visitor` of reporting.totals"),
        "reporting.totals_feed": (Kind.MATERIALIZED_VIEW, 31, "reads `person` of ingestion.clicks"),
        "reporting.firsts": (Kind.VIEW, 33, "reads `first` of reporting.totals"),
        "reporting.who": (Kind.DICTIONARY, 35, "reads `person` of reporting.star"),
        "reporting.direct": (Kind.DICTIONARY, 40, "reads `person` of shop.clicks"),
        "reporting.looked_up": (Kind.VIEW, 45, "reads `person` of reporting.who"),
        "reporting.a": (Kind.VIEW, 1, "reads `last` of reporting.top"),
    }


def test_the_trap_is_a_reader_of_the_other_stream(shop, put):
    put("clickhouse_ddl/reporting/all.sql", VIEWS)
    drafts = load_drafts(shop)
    shutil.rmtree(shop.contracts / "people")
    found = impact(shop, changes(drafts, load_drafts(shop)))
    assert {r.name for r in found if r.field == "person" and r.kind is Kind.VIEW} == {
        "reporting.trap",
        "reporting.looked_up",
    }


def test_questions_and_panels(shop, put):
    put(
        "reports/questions/visitors.sql",
        "-- Who?\nSELECT person, count()\nFROM shop.clicks GROUP BY 1",
    )
    put("reports/questions/visitors.yaml", "title: Visitors\nquestion: visitors\n")
    put(
        "reports/clicks.sql",
        "SELECT click FROM clicks WHERE seen_at > {since:DateTime} FORMAT JSON;",
    )
    put(
        "reports/dashboard.yaml",
        "title: Shop\npanels:\n  - title: Who clicks\n    question: visitors\n"
        "  - clicks\n  - title: visitors\n  - name: Again\n    file: questions/visitors.sql\n",
    )
    found = readers(shop, "clicks", PERSON, "")
    assert [(r.kind, r.name, r.file.name, r.line) for r in found if r.file.parts[-2] != "clicks"][
        1:
    ] == [
        (Kind.QUESTION, "visitors", "visitors.sql", 2),
        (Kind.PANEL, "Who clicks", "dashboard.yaml", 4),
        (Kind.PANEL, "Again", "dashboard.yaml", 8),
    ]
    assert found[-1].how == "shows the question visitors, which reads `person` of shop.clicks"


def test_what_could_not_be_read_is_named(shop, put):
    put(
        "clickhouse_ddl/reporting/broken.sql",
        "CREATE VIEW reporting.b AS\nSELECT (a,\nFROM shop.clicks;\n"
        "CREATE VIEW reporting.fine AS SELECT person FROM shop.clicks;",
    )
    put("clickhouse_ddl/reporting/other.sql", "-- x\nGRANT SELECT ON x TO y;")
    put(
        "clickhouse_ddl/reporting/nested.sql",
        f"CREATE VIEW reporting.n AS SELECT {'(' * 3000}1{')' * 3000};",
    )
    put("reports/insert.sql", "SET max_threads = 1;\nDROP TABLE shop.clicks")
    put("reports/broken.yaml", "a: [\n")
    put("reports/dictionary.sql", "SELECT level FROM dictionary('reporting.levels'.)")
    put("reports/latin.sql", "").write_bytes(b"SELECT '\xe9'")
    put("producer/broken.py", "def f(:\n    pass\n")
    found = readers(shop, "clicks", PERSON, "")
    assert "reporting.fine" in names(found, Kind.VIEW)
    unread = {r.name: (r.line, r.how) for r in found if r.kind is Kind.UNREAD}
    assert sorted(unread) == [
        "broken.py",
        "broken.sql",
        "broken.yaml",
        "dictionary.sql",
        "insert.sql",
        "latin.sql",
        "nested.sql",
        "other.sql",
    ]
    assert unread["other.sql"][0] == 2
    assert unread["broken.sql"][0] in (2, 3)
    start = "may read it, and could not be read itself: "
    assert all(how.startswith(start) for _, how in unread.values())
    assert [r.words(shop.root) for r in found if r.name == "other.sql"] == [
        f"clickhouse_ddl/reporting/other.sql:2: other.sql {start}not a CREATE statement of a database,"
        " table, view or dictionary: GRANT SELECT ON x TO y"
    ]


def test_views_in_a_circle_end(shop, put):
    put("clickhouse_ddl/reporting/a.sql", "CREATE VIEW reporting.a AS SELECT * FROM reporting.b;")
    put(
        "clickhouse_ddl/reporting/b.sql",
        "CREATE VIEW reporting.b AS SELECT person, x FROM reporting.a, shop.clicks;",
    )
    assert "reporting.b" in names(readers(shop, "clicks", PERSON, ""))


def test_a_nested_field_and_one_beside_it(shop, put):
    nested = '"type": {"type": "record", "name": "Where", "fields": [{"name": "x", "type": "long", "doc": "X."},'
    nested += ' {"name": "y", "type": "long", "doc": "Y."}]}, "doc": "Where."},\n'
    for schema in ("value.avsc", "versions/value.v1.avsc"):
        file = shop.contracts / "clicks" / schema
        file.write_text(file.read_text().replace(PERSON, PERSON + '{"name": "place", ' + nested))
    put(
        "clickhouse_ddl/reporting/x.sql",
        "CREATE VIEW reporting.x AS SELECT place_x FROM shop.clicks;",
    )
    put(
        "clickhouse_ddl/reporting/y.sql",
        "CREATE VIEW reporting.y AS SELECT place_y FROM shop.clicks;",
    )
    found = readers(shop, "clicks", '"x", "type": "long"', '"x", "type": "double"')
    assert [(r.field, r.name) for r in found] == [("place.x", "clicks"), ("place.x", "reporting.x")]


def test_derived_columns_and_the_sorting_key(shop):
    found = readers(shop, "clicks", '"name": "seen_at"', '"name": "seen"')
    assert [r.how for r in found if r.kind is Kind.CONTRACT] == [
        "sorts by it",
        "computes `day` from it",
    ]


def test_a_contract_that_can_not_be_read_is_no_error(shop):
    before = load_drafts(shop)
    (shop.contracts / "clicks" / "value.avsc").write_text("{")
    assert impact(shop, changes(before, load_drafts(shop))) == ()
