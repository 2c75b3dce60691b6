-- Who contributed to each commit: its author, and each co-author who is another person. They share
-- the commit in equal parts, so the shares of a commit add up to 1. Bots and assistants among the
-- co-authors are left out. The columns of a person are those of reporting.commits.
CREATE OR REPLACE VIEW reporting.contributions AS
SELECT
    part.* EXCEPT (author_key, people, others),
    1 / part.people AS share,
    credit.name AS name,
    credit.email AS email,
    credit.login AS login,
    credit.user_name AS user_name,
    credit.matched_by AS matched_by,
    credit.match_certainty AS match_certainty,
    CAST(credit.bot != '', 'Bool') AS is_bot,
    credit.bot AS bot,
    credit.team AS team,
    credit.position AS position,
    credit.team_at_commit AS team_at_commit,
    credit.position_at_commit AS position_at_commit,
    credit.is_assumed AS is_assumed,
    credit.age_band AS age_band
FROM
(
    SELECT
        commit.repository AS repository,
        commit.commit_id AS commit_id,
        commit.committed_at AS committed_at,
        commit.commit_date AS commit_date,
        commit.authored_at AS authored_at,
        commit.produced_at AS produced_at,
        commit.subject AS subject,
        commit.additions AS additions,
        commit.deletions AS deletions,
        commit.changed_files AS changed_files,
        commit.source AS source,
        commit.is_merge AS is_merge,
        commit.subject_length AS subject_length,
        commit.is_conventional AS is_conventional,
        commit.has_body AS has_body,
        if(
            author.is_assistant, toString(author.bot),
            arrayFirst(found -> found != '', arrayMap(
                co_author -> (SELECT groupArray(name) FROM reporting.machine_rules WHERE kind = 'assistant')[multiMatchAnyIndex(
                    lowerUTF8(co_author),
                    (SELECT groupArray(pattern) FROM reporting.machine_rules WHERE kind = 'assistant'))],
                commit.co_authors))) AS assistant,
        arrayFilter(helper -> helper.2 != author.person, helpers.people) AS others,
        length(others) + 1 AS people,
        part.1 AS role,
        part.2 AS author_key
    FROM reporting.commit_facts AS commit FINAL
    LEFT ANY JOIN reporting.authors AS author
        ON author.author_key = commit.author_key
    LEFT ANY JOIN
    (
        SELECT
            repository,
            committed_at,
            commit_id,
            groupArray((author_key, person)) AS people
        FROM
        (
            SELECT
                record.repository AS repository,
                record.committed_at AS committed_at,
                record.commit_id AS commit_id,
                helper.author_key AS author_key,
                helper.email AS email,
                helper.name AS name,
                helper.person AS person
            FROM
            (
                SELECT
                    repository,
                    committed_at,
                    commit_id,
                    sipHash64('', extract(co_author, '<([^<>]*)>\\s*$'), trim(extract(co_author, '^([^<]*)'))) AS helper_key
                FROM reporting.commit_facts FINAL
                ARRAY JOIN co_authors AS co_author
            ) AS record
            LEFT ANY JOIN reporting.authors AS helper
                ON helper.author_key = record.helper_key
            WHERE helper.bot = ''
            ORDER BY email, name
            LIMIT 1 BY repository, committed_at, commit_id, person
        )
        GROUP BY repository, committed_at, commit_id
    ) AS helpers
        ON helpers.repository = commit.repository
        AND helpers.committed_at = commit.committed_at
        AND helpers.commit_id = commit.commit_id
    -- A clause and not the function: a filter on what arrayJoin gives is evaluated on the join's
    -- default values, which ends ClickHouse 26.1.
    ARRAY JOIN arrayPushFront(
        arrayMap(helper -> ('co-author', helper.1), arrayFilter(helper -> helper.2 != author.person, helpers.people)),
        ('author', commit.author_key)) AS part
) AS part
ASOF LEFT JOIN reporting.credits AS credit
    ON credit.author_key = part.author_key
    AND part.committed_at >= credit.since
SETTINGS join_use_nulls = 0
COMMENT 'Who contributed to each commit, and with which share: authors and co-authors.';
