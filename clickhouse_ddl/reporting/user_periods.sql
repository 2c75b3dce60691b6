-- From when a person was in which team and position. A change holds from its valid_from, where there
-- is one, else from when it was made; a later change takes the place of all that began on that day or
-- after. is_present is false from when the row was deleted; team and position are then the last known.
-- A deletion that comes before every known team is left out.
CREATE OR REPLACE VIEW reporting.user_periods AS
SELECT user_name, since, team, position, is_present
FROM
(
    SELECT
        user_name,
        since,
        ifNull(last_value(if(is_deleted = 1, NULL, known_team)) IGNORE NULLS OVER until_then, '') AS team,
        ifNull(last_value(if(is_deleted = 1, NULL, known_position)) IGNORE NULLS OVER until_then, '') AS position,
        CAST(is_deleted = 0, 'Bool') AS is_present,
        countIf(is_deleted = 0) OVER until_then AS known
    FROM
    (
        SELECT
            user_name,
            since,
            known_team,
            known_position,
            is_deleted,
            version,
            max(version) OVER of_person AS newest,
            min(since) OVER (
                PARTITION BY user_name ORDER BY version ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next_since
        FROM
        (
            SELECT
                user_name,
                if(
                    is_deleted = 1 OR isNull(valid_from),
                    toDateTime64(changed_at, 6, 'UTC'),
                    toDateTime64(assumeNotNull(valid_from), 6, 'UTC')) AS since,
                team AS known_team,
                position AS known_position,
                is_deleted,
                version
            FROM github.users_history FINAL
        ) AS change
        WINDOW of_person AS (PARTITION BY user_name)
    ) AS change
    WHERE version = newest OR next_since > since
    WINDOW until_then AS (PARTITION BY user_name ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
) AS period
WHERE known > 0
COMMENT 'From when a person was in which team and position.';
