-- The rows of reporting.commits without the whole message, the parents and the committer, from the table
-- that is sorted by time. Questions read it where they name none of those (reports/filters.yaml).
CREATE OR REPLACE VIEW reporting.commits_by_time AS
SELECT
    fact.* EXCEPT (version, author_key),
    credit.user_name AS user_name,
    if(credit.matched_by = '', 'nobody', credit.matched_by) AS matched_by,
    credit.match_certainty AS match_certainty,
    CAST(credit.bot != '', 'Bool') AS is_bot,
    credit.bot AS bot,
    if(
        credit.is_assistant, toString(credit.bot),
        arrayFirst(found -> found != '', arrayMap(
            co_author -> (SELECT groupArray(name) FROM reporting.machine_rules WHERE kind = 'assistant')[multiMatchAnyIndex(
                lowerUTF8(co_author),
                (SELECT groupArray(pattern) FROM reporting.machine_rules WHERE kind = 'assistant'))],
            fact.co_authors))) AS assistant,
    credit.team AS team,
    credit.position AS position,
    credit.team_at_commit AS team_at_commit,
    credit.position_at_commit AS position_at_commit,
    credit.is_assumed AS is_assumed,
    if(credit.age_band = '', 'unknown', credit.age_band) AS age_band
FROM reporting.commit_facts AS fact FINAL
ASOF LEFT JOIN reporting.credits AS credit
    ON credit.author_key = fact.author_key
    AND fact.committed_at >= credit.since
SETTINGS join_use_nulls = 0
COMMENT 'Commits with the person who wrote each, without messages, quick to ask by time.';

-- The same without the people, but for whether a bot wrote the commit: what needs no person is asked of
-- this, since the engine makes a join even where nothing of it is used.
CREATE OR REPLACE VIEW reporting.commits_without_people AS
SELECT
    fact.* EXCEPT (version, author_key, author, author_email, author_login),
    CAST(fact.author_key IN (SELECT author_key FROM reporting.credits WHERE bot != ''), 'Bool') AS is_bot
FROM reporting.commit_facts AS fact FINAL
COMMENT 'Commits without messages and people, quick to ask by time.';
