-- Each commit with its author's team and position: those of today, and those at the time of the
-- commit. A commit older than all that is known of its author takes the earliest known row, and
-- is_assumed says so. Both are empty where nobody is known; those of today also for who has left.
CREATE OR REPLACE VIEW reporting.commit_teams AS
SELECT
    person.repository AS repository,
    person.commit_id AS commit_id,
    person.committed_at AS committed_at,
    person.commit_date AS commit_date,
    person.additions AS additions,
    person.deletions AS deletions,
    person.user_name AS user_name,
    person.matched_by AS matched_by,
    today.team AS team,
    today.position AS position,
    if(past.is_known = 1, past.team, earliest.team) AS team_at_commit,
    if(past.is_known = 1, past.position, earliest.position) AS position_at_commit,
    past.is_known = 0 AND earliest.user_name != '' AS is_assumed
FROM reporting.people AS person
LEFT ANY JOIN (SELECT user_name, team, position FROM github.users FINAL) AS today
    ON today.user_name = person.user_name
LEFT ANY JOIN
(
    SELECT
        user_name,
        argMin(team, version) AS team,
        argMin(position, version) AS position
    FROM github.users_history FINAL
    WHERE is_deleted = 0
    GROUP BY user_name
) AS earliest
    ON earliest.user_name = person.user_name
ASOF LEFT JOIN
(
    SELECT
        user_name,
        toDateTime64(changed_at, 6, 'UTC') AS since,
        argMax(team, version) AS team,
        argMax(position, version) AS position,
        1 AS is_known
    FROM github.users_history FINAL
    WHERE is_deleted = 0
    GROUP BY user_name, since
) AS past
    ON past.user_name = person.user_name AND person.committed_at >= past.since
SETTINGS join_use_nulls = 0
COMMENT 'Each commit with the team and position of its author, of today and at the time.';
