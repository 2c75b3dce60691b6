"""A large organisation straight in ClickHouse's tables: years of commits, and the people behind them.

ClickHouse makes the rows itself, from numbers and hashes, so that millions take a minute and every
run has the same ones, but for the moment at which the history ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from contractline.clients.clickhouse import Warehouse

YEARS = 8
BLOCK = 500_000
"""Commits of one INSERT."""

# h(k) is the k-th random number of a commit, u(k) that of a person.
_COMMITS = """
INSERT INTO github.commits
WITH
    (k) -> cityHash64(number, k) AS h,
    ['fix', 'add', 'remove', 'parser', 'timeout', 'of', 'the', 'retry', 'queue', 'index', 'cache',
        'tests', 'for', 'page', 'users', 'report', 'when', 'empty', 'docs', 'build', 'schema'] AS words,
    (k, most) -> arrayStringConcat(arrayMap(i -> words[h(k + i) % 21 + 1], range(3 + h(k) % most)), ' ') AS said,
    -- A few repositories and people have most of the commits.
    toUInt64(pow((h(1) % 1000000) / 1000000, 2) * {repositories}) AS repository_number,
    h(2) % 100 AS draw,
    if(draw < 3, 'bot', if(draw < 15, 'guest', 'user')) AS kind,
    toUInt64(pow((h(3) % 1000000) / 1000000, 2) * if(kind = 'guest', {guests}, {people})) AS who,
    cityHash64(who, h(4) % 3) % 5 AS spelling,
    toDateTime64({now}, 6, 'UTC') - toIntervalMicrosecond(toInt64({commits} - number) * {step} + h(5) % {step}) AS at
SELECT
    concat('organisation/repository-', toString(repository_number)) AS repository,
    lower(concat(hex(h(6)), hex(h(7)), substring(hex(h(8)), 1, 8))) AS commit_id,
    multiIf(kind = 'bot', 'dependabot[bot]', kind = 'guest', concat('Guest ', toString(who)),
        spelling = 4, concat('person', toString(who)), concat('Person ', toString(who))) AS author,
    multiIf(kind = 'bot', '49699333+dependabot[bot]@users.noreply.github.com',
        kind = 'guest', concat('guest', toString(who), '@elsewhere.example'),
        spelling = 3, concat(toString(who), '+person', toString(who), '@users.noreply.github.com'),
        concat('Person.', toString(who), '@mail', toString(spelling), '.example')) AS author_email,
    if(kind = 'guest' OR spelling IN (1, 4), NULL,
        if(kind = 'bot', 'dependabot[bot]', concat('person', toString(who)))) AS author_login,
    author AS committer,
    author_email AS committer_email,
    author_login AS committer_login,
    concat(['', 'feat: ', 'fix: ', 'docs(api): '][h(9) % 4 + 1], said(20, 9),
        if(h(10) % 3 = 0, concat('\\n\\n', said(40, 40)), '')) AS commit_message,
    at - toIntervalSecond(h(11) % 100000) AS authored_at,
    at AS committed_at,
    arrayMap(i -> lower(hex(sipHash128(number, i))), range(if(h(12) % 10 = 0, 2, 1))) AS parents,
    if({poor} OR h(13) % 20 = 0, NULL, h(14) % 200) AS additions,
    if(isNull(additions), NULL, h(15) % 100) AS deletions,
    if(isNull(additions), NULL, h(16) % 10 + 1) AS changed_files,
    if({poor}, 'webhook', 'git') AS source,
    at + toIntervalMillisecond(h(17) % 5000) AS produced_at,
    multiIf(h(18) % 20 = 0, [concat('Person ', toString(h(19) % {people}), ' <person.', toString(h(19) % {people}), '@mail0.example>')],
        h(18) % 50 = 1, ['Claude <noreply@anthropic.com>'], []) AS co_authors,
    toDate32(at) AS commit_date,
    bitShiftLeft(toUInt64(isNotNull(additions)), 57) + bitShiftLeft(toUInt64(isNotNull(author_login)), 56)
        + toUInt64(toUnixTimestamp64Micro(produced_at)) AS version,
    'commits_topic' AS _topic,
    number % 3 AS _partition,
    intDiv(number, 3) AS _offset
FROM numbers({first}, {count})
{where}
"""

_USERS = """
INSERT INTO github.{table} (user_name, position, team, birth_date, updated_at, is_deleted, op, changed_at, version, _topic)
WITH (k) -> cityHash64(number, change, k) AS u
SELECT
    concat('Person ', toString(number)),
    ['Developer', 'Analyst', 'Tester', 'Designer', 'Lead'][u(1) % 5 + 1],
    concat('Team ', toString(u(2) % 200)),
    if(number % 10 = 0, NULL, toDate32('1960-01-01') + cityHash64(number) % 16000),
    at,
    change = 2 AND number % 50 = 0,
    if(change = 0, 'c', 'u'),
    toDateTime64({now}, 3, 'UTC') - toIntervalDay({days} - change * 700 - u(3) % 600) AS at,
    toUInt128(number * 4 + change + 1),
    'postgres.public.github_users'
FROM numbers({people})
ARRAY JOIN {changes} AS change
"""

# Ten of each person: a login, addresses, a noreply address, names; most of them verified.
_IDENTITIES = """
INSERT INTO github.identities (kind, identity, user_name, updated_at, verified, op, changed_at, version, _topic)
SELECT
    multiIf(part = 0, 'login', part <= 6, 'email', part = 7, 'noreply', part = 8, 'mailmap', 'name'),
    multiIf(part = 0, concat('person', toString(who)),
        part <= 6, concat('person.', toString(who), '@mail', toString(part - 1), '.example'),
        part = 7, concat(toString(who), '+person', toString(who), '@users.noreply.github.com'),
        part = 8, concat('person', toString(who), ' <old.', toString(who), '@mail.example>'),
        concat('person', toString(who))),
    concat('Person ', toString(who)),
    now64(6, 'UTC'),
    cityHash64(number) % 10 != 0,
    'c',
    now64(3, 'UTC'),
    toUInt128(number + 1),
    'postgres.public.github_identities'
FROM (SELECT number, intDiv(number, 10) AS who, number % 10 AS part FROM numbers({identities}))
"""


@dataclass(frozen=True, slots=True)
class Organisation:
    """How large it is.

    Attributes:
        commits: commits of its repositories; a tenth of them has two records.
        people: rows of the users table, each with up to three states.
        identities: rows of the identities table, ten a person.
    """

    commits: int
    people: int
    identities: int

    def fill(self, warehouse: Warehouse) -> None:
        """Put it into the tables of the streams, and merge what can be merged.

        Raises:
            ServiceUnavailable: ClickHouse refuses it.
        """
        ((now,),) = warehouse.rows("SELECT toString(now())")
        days = YEARS * 365
        values: dict[str, object] = {
            "now": f"'{now}'",
            "days": days,
            "commits": self.commits,
            "people": self.people,
            "guests": max(self.people * 2, 1),
            "repositories": max(min(self.commits // 20_000, 300), 3),
            "identities": self.identities,
            "step": days * 86_400_000_000 // self.commits,
        }
        for table, changes in (("users_history", "[0, 1, 2]"), ("users", "[2]")):
            warehouse.run(_USERS.format(**values, table=table, changes=changes))
        warehouse.run(_IDENTITIES.format(**values))
        for first in range(0, self.commits, BLOCK):
            block = {**values, "first": first, "count": min(BLOCK, self.commits - first)}
            for poor, where in ((1, "WHERE number % 10 = 0"), (0, "")):
                warehouse.run(_COMMITS.format(**block, poor=poor, where=where))
        # As an hour later, when ClickHouse has done the same by itself.
        for table in ("github.commits", "reporting.commit_facts"):
            warehouse.run(f"OPTIMIZE TABLE {table} FINAL")
