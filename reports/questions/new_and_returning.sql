SELECT
    week,
    if(week = first_week, 'new', 'returning') AS kind,
    count() AS people
FROM
(
    SELECT
        week,
        min(week) OVER (PARTITION BY person) AS first_week
    FROM
    (
        SELECT DISTINCT
            if(user_name = '', lower(author_email), user_name) AS person,
            toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week
        FROM commits
    )
)
WHERE week >= toDate32({since:DateTime64(6, 'UTC')}) AND week < {until:DateTime64(6, 'UTC')}
GROUP BY week, kind
ORDER BY week, kind
