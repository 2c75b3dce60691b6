-- Who contributed to each commit: its author, and each co-author who is another person. They share
-- the commit in equal parts, so the shares of a commit add up to 1. Bots and assistants among the
-- co-authors are left out. The columns of a person are those of reporting.commits.
--
-- Few commits have co-authors; the others are not looked at twice.
CREATE OR REPLACE VIEW reporting.contributions AS
SELECT
    part.* EXCEPT (author_key, assistant),
    if(part.role = 'author' AND credit.is_assistant, toString(credit.bot), part.assistant) AS assistant,
    credit.user_name AS user_name,
    if(credit.matched_by = '', 'nobody', credit.matched_by) AS matched_by,
    credit.match_certainty AS match_certainty,
    CAST(credit.bot != '', 'Bool') AS is_bot,
    credit.bot AS bot,
    credit.team AS team,
    credit.position AS position,
    credit.team_at_commit AS team_at_commit,
    credit.position_at_commit AS position_at_commit,
    credit.is_assumed AS is_assumed,
    if(credit.age_band = '', 'unknown', credit.age_band) AS age_band
FROM
(
    SELECT
        repository, commit_id, committed_at, commit_date, authored_at, produced_at, subject, additions, deletions,
        changed_files, source, is_merge, subject_length, is_conventional, has_body,
        'author' AS role,
        1. AS share,
        author AS name,
        author_email AS email,
        ifNull(author_login, '') AS login,
        author_key,
        '' AS assistant
    FROM reporting.commit_facts FINAL
    WHERE empty(co_authors)
    UNION ALL
    SELECT
        repository, commit_id, committed_at, commit_date, authored_at, produced_at, subject, additions, deletions,
        changed_files, source, is_merge, subject_length, is_conventional, has_body,
        part.1 AS role,
        1 / length(parts) AS share,
        if(role = 'author', author, part.3) AS name,
        if(role = 'author', author_email, part.2) AS email,
        if(role = 'author', ifNull(author_login, ''), '') AS login,
        part.4 AS author_key,
        assistant
    FROM
    (
        SELECT
            part.repository AS repository,
            part.commit_id AS commit_id,
            part.committed_at AS committed_at,
            any(part.commit_date) AS commit_date,
            any(part.authored_at) AS authored_at,
            any(part.produced_at) AS produced_at,
            any(part.subject) AS subject,
            any(part.additions) AS additions,
            any(part.deletions) AS deletions,
            any(part.changed_files) AS changed_files,
            any(part.source) AS source,
            any(part.is_merge) AS is_merge,
            any(part.subject_length) AS subject_length,
            any(part.is_conventional) AS is_conventional,
            any(part.has_body) AS has_body,
            any(part.author) AS author,
            any(part.author_email) AS author_email,
            any(part.author_login) AS author_login,
            anyIf(
                if(
                    known.is_assistant, toString(known.bot),
                    arrayFirst(found -> found != '', arrayMap(
                        co_author -> (SELECT groupArray(name) FROM reporting.machine_rules WHERE kind = 'assistant')[multiMatchAnyIndex(
                            lowerUTF8(co_author),
                            (SELECT groupArray(pattern) FROM reporting.machine_rules WHERE kind = 'assistant'))],
                        part.co_authors))),
                part.role = 'author') AS assistant,
            -- The author comes first, so that who is named again as a co-author is left out.
            arraySort(groupArrayIf(
                (
                    part.role, part.email, part.name, part.author_key,
                    if(known.person = '', toString(part.author_key), known.person)
                ),
                part.role = 'author' OR known.bot = '')) AS people,
            arrayFilter((one, first) -> first = 1, people, arrayEnumerateUniq(arrayMap(one -> one.5, people))) AS parts
        FROM
        (
            SELECT
                fact.* EXCEPT (version, author_key),
                if(place = 0, 'author', 'co-author') AS role,
                extract(co_author, '<([^<>]*)>\\s*$') AS email,
                trim(extract(co_author, '^([^<]*)')) AS name,
                if(place = 0, fact.author_key, sipHash64('', email, name)) AS author_key
            FROM (SELECT * FROM reporting.commit_facts FINAL WHERE notEmpty(co_authors)) AS fact
            ARRAY JOIN arrayPushFront(fact.co_authors, '') AS co_author, range(length(fact.co_authors) + 1) AS place
        ) AS part
        LEFT ANY JOIN reporting.authors AS known
            ON known.author_key = part.author_key
        GROUP BY repository, commit_id, committed_at
    )
    ARRAY JOIN parts AS part
) AS part
ASOF LEFT JOIN reporting.credits AS credit
    ON credit.author_key = part.author_key
    AND part.committed_at >= credit.since
SETTINGS join_use_nulls = 0
COMMENT 'Who contributed to each commit, and with which share: authors and co-authors.';
