-- To whom commits are credited: for each author as commits spell them, who it is, and from when on in
-- which team and position. The first row of each author holds from the beginning of time (the year 1), so
-- that a commit of any date finds one. This finds everything anew with each query; reporting.credits
-- gives what it found last, at most two seconds ago, and is fast.
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
    (SELECT groupBitXor(author_key) FROM (SELECT DISTINCT author_key FROM reporting.author_spellings)),
    (
        SELECT groupBitXor(email_login)
        FROM (SELECT DISTINCT sipHash64(known.email, known.login.2) AS email_login FROM reporting.email_logins AS known)
    ),
    (SELECT (match_by_name, smallest_age_band) FROM reporting.people_settings),
    (SELECT groupArray((kind, name, pattern)) FROM reporting.machine_rules),
    today()) AS state
COMMENT 'Changes whenever commits may be credited to other people, teams or positions than before.';

-- What reporting.resolved_credits found, kept for the reports: a generation each time. Two slots take
-- turns, so that merges remove rows of a generation only once the one after it is complete.
CREATE TABLE IF NOT EXISTS reporting.kept_credits
(
    slot UInt8 COMMENT 'One of two: the next generation goes to the other.',
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
    age_band LowCardinality(String) COMMENT 'Age band of today.',
    generation DateTime64(6, 'UTC') COMMENT 'When it was found, UTC.',
    state UInt64 COMMENT 'reporting.credits_state at that moment.',
    rows UInt64 COMMENT 'Rows of this generation.'
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY (slot, author_key, since)
COMMENT 'To whom commits are credited, as it was found; the view credits reads the newest generation.';

-- Readers read every table with FINAL unless told otherwise (the setting `final` of their profile). Here
-- it would merge all generations that are there only to leave out all but one.
CREATE OR REPLACE VIEW reporting.credits_generation AS
SELECT generation, any(slot) AS slot, any(state) AS state
FROM reporting.kept_credits
GROUP BY generation
HAVING count() = any(rows)
ORDER BY generation DESC
LIMIT 1
SETTINGS final = 0
COMMENT 'The newest generation of credits that is complete.';

-- The state is read before the tables: what arrives in between makes another generation. The function
-- merge is only there for _table: without a match the view is not even planned, while the joins of a
-- WHERE that is false are made.
CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.kept_credits_feed
REFRESH EVERY 1 SECOND APPEND TO reporting.kept_credits AS
SELECT
    1 - ifNull((SELECT slot FROM reporting.credits_generation), 0) AS slot,
    found.*,
    now64(6, 'UTC') AS generation,
    ifNull((SELECT state FROM reporting.credits_state), 0) AS state,
    count() OVER () AS rows
FROM
(
    SELECT *
    FROM merge('reporting', '^resolved_credits$')
    WHERE _table = if(
        ifNull((SELECT state FROM reporting.credits_state) = (SELECT state FROM reporting.credits_generation), false),
        '', 'resolved_credits')
    -- Rows are counted as the table will hold them, or the generation would never be complete.
    LIMIT 1 BY author_key, since
) AS found;

CREATE OR REPLACE VIEW reporting.credits AS
WITH (SELECT (slot, generation) FROM reporting.credits_generation) AS newest
SELECT * EXCEPT (slot, generation, state, rows)
FROM reporting.kept_credits
WHERE slot = newest.1 AND generation = newest.2
SETTINGS final = 0
COMMENT 'To whom commits are credited: each author as commits spell them, and each period of a team and position.';
