-- Every commit once, the most complete record of it, with the person who wrote it.
--
-- user_name is empty where nobody is known; matched_by says how the person was found, match_certainty
-- how surely (certain, likely, guess). team and position are those of today, empty for who has left;
-- team_at_commit and position_at_commit are those at the time of the commit, assumed where it lies
-- before the first known row of the person or after the last one. Canaries, which only measure how
-- long a commit takes, are left out.
CREATE OR REPLACE VIEW reporting.commits AS
SELECT
    record.* EXCEPT (version, _topic, _partition, _offset),
    substringUTF8(splitByChar('\n', substring(record.commit_message, 1, 2000))[1], 1, 200) AS subject,
    lengthUTF8(splitByChar('\n', record.commit_message)[1]) AS subject_length,
    CAST(match(record.commit_message, '^(build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test)(\\([^)]*\\))?!?: '), 'Bool') AS is_conventional,
    CAST(position(trimRight(record.commit_message), '\n') > 0, 'Bool') AS has_body,
    CAST(length(record.parents) > 1, 'Bool') AS is_merge,
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
            record.co_authors))) AS assistant,
    credit.team AS team,
    credit.position AS position,
    credit.team_at_commit AS team_at_commit,
    credit.position_at_commit AS position_at_commit,
    credit.is_assumed AS is_assumed,
    if(credit.age_band = '', 'unknown', credit.age_band) AS age_band
FROM github.commits AS record FINAL
ASOF LEFT JOIN reporting.credits AS credit
    ON credit.author_key = sipHash64(ifNull(record.author_login, ''), record.author_email, record.author)
    AND record.committed_at >= credit.since
WHERE record.repository != 'contractline/canary'
SETTINGS join_use_nulls = 0
COMMENT 'Every commit once, the most complete record of it, with the person who wrote it.';
