-- To whom commits are credited: for each author as commits spell them, who it is, and from when on in
-- which team and position. The first row of each author holds from the beginning of time (the year 1), so
-- that a commit of any date finds one. This finds everything anew with each query; reporting.credits
-- gives the same and is fast.
CREATE OR REPLACE VIEW reporting.resolved_credits AS
SELECT
    sipHash64(author.login, author.email, author.name) AS author_key,
    if(period.user_name = '', fromUnixTimestamp64Micro(toInt64(-62135596800000000), 'UTC'), period.since) AS since,
    author.login AS login,
    author.email AS email,
    author.name AS name,
    author.user_name AS user_name,
    author.matched_by AS matched_by,
    author.match_certainty AS match_certainty,
    author.bot AS bot,
    CAST(author.is_assistant, 'Bool') AS is_assistant,
    author.person AS person,
    today.team AS team,
    today.position AS position,
    period.team AS team_at_commit,
    period.position AS position_at_commit,
    CAST(period.is_assumed, 'Bool') AS is_assumed,
    if(today.user_name != '', today.age_band, 'unknown') AS age_band
FROM reporting.resolved_authors AS author
LEFT ANY JOIN reporting.users AS today
    ON today.user_name = author.user_name
LEFT JOIN
(
    SELECT user_name, since, team, position, NOT is_present AS is_assumed
    FROM reporting.user_periods
    UNION ALL
    SELECT
        user_name,
        fromUnixTimestamp64Micro(toInt64(-62135596800000000), 'UTC') AS since,
        argMin(team, user_periods.since) AS team,
        argMin(position, user_periods.since) AS position,
        true AS is_assumed
    FROM reporting.user_periods
    WHERE is_present
    GROUP BY user_name
) AS period
    ON period.user_name = author.user_name
SETTINGS join_use_nulls = 0
COMMENT 'To whom commits are credited, found anew with each query.';

-- Changes whenever reporting.resolved_credits may: what arrived in the tables of people, which authors
-- and logins commits brought, the settings, the rules, the day.
CREATE OR REPLACE VIEW reporting.credits_state AS
SELECT cityHash64(
    (
        SELECT arraySort(groupArray((table, block, version)))
        FROM
        (
            SELECT part.table AS table, max(part.max_block_number) AS block, max(part.data_version) AS version
            FROM system.parts AS part
            WHERE part.active AND part.database = 'github' AND part.table IN ('identities', 'users', 'users_history')
            GROUP BY part.table
        )
    ),
    (
        SELECT arraySort(groupArray((one.name, one.uuid)))
        FROM system.tables AS one
        WHERE one.database = 'github' AND one.name IN ('identities', 'users', 'users_history')
    ),
    (SELECT groupBitXor(author_key) FROM (SELECT DISTINCT sipHash64(login, email, name) AS author_key FROM reporting.author_spellings)),
    (SELECT groupBitXor(sipHash64(known.email, known.login.2)) FROM reporting.email_logins AS known FINAL),
    (SELECT (match_by_name, smallest_age_band) FROM reporting.people_settings),
    (SELECT groupArray((kind, name, pattern)) FROM reporting.machine_rules),
    today()) AS state
COMMENT 'Changes whenever commits may be credited to other people, teams or positions than before.';

-- What reporting.resolved_credits gave at a state, kept for the reports. Only rows of the present state
-- are ever read, so nothing here can be out of date; while there are none, reports resolve by themselves.
CREATE TABLE IF NOT EXISTS reporting.kept_credits
(
    state UInt64 COMMENT 'State that the row holds at.',
    rows UInt64 COMMENT 'Rows of this state.',
    kept_at DateTime COMMENT 'When it was found, UTC.',
    author_key UInt64 COMMENT 'sipHash64(login, email, name).',
    since DateTime64(6, 'UTC') COMMENT 'From when on the team and position held.',
    login String COMMENT 'GitHub login; empty when the source does not know it. [pii]',
    email String COMMENT 'Email address. [pii]',
    name String COMMENT 'Name. [pii]',
    user_name String COMMENT 'The person. [pii]',
    matched_by LowCardinality(String) COMMENT 'How the person was found.',
    match_certainty LowCardinality(String) COMMENT 'How surely.',
    bot LowCardinality(String) COMMENT 'Which bot or assistant the author is.',
    is_assistant Bool COMMENT 'Whether it is an assistant.',
    person String COMMENT 'Tells people apart, known or not. [pii]',
    team LowCardinality(String) COMMENT 'Team of today.',
    position LowCardinality(String) COMMENT 'Position of today.',
    team_at_commit LowCardinality(String) COMMENT 'Team since then.',
    position_at_commit LowCardinality(String) COMMENT 'Position since then.',
    is_assumed Bool COMMENT 'Whether both are assumed.',
    age_band LowCardinality(String) COMMENT 'Age band of today.'
)
ENGINE = ReplacingMergeTree
ORDER BY (state, author_key, since)
TTL kept_at + INTERVAL 1 HOUR
SETTINGS ttl_only_drop_parts = 1, merge_with_ttl_timeout = 600
COMMENT 'To whom commits are credited, as it was found at a state; the view credits reads it.';

CREATE OR REPLACE VIEW reporting.kept_credits_state AS
SELECT if(count() > 0 AND count() = max(kept.rows), max(kept.state), NULL) AS state
FROM reporting.kept_credits AS kept FINAL
WHERE kept.state = (SELECT state FROM reporting.credits_state)
COMMENT 'The present state, where what was found at it is kept; else null.';

-- The state is read before the tables: what arrives in between belongs to another state.
CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.kept_credits_feed
REFRESH EVERY 5 SECOND APPEND TO reporting.kept_credits AS
SELECT
    ifNull((SELECT state FROM reporting.credits_state), 0) AS state,
    count() OVER () AS rows,
    now() AS kept_at,
    found.*
FROM reporting.resolved_credits AS found
WHERE isNull((SELECT state FROM reporting.kept_credits_state));

CREATE OR REPLACE VIEW reporting.credits AS
SELECT * EXCEPT (state, rows, kept_at)
FROM reporting.kept_credits FINAL
WHERE state = (SELECT state FROM reporting.kept_credits_state)
UNION ALL
SELECT * FROM reporting.resolved_credits WHERE isNull((SELECT state FROM reporting.kept_credits_state))
COMMENT 'To whom commits are credited: each author as commits spell them, and each period of a team and position.';
