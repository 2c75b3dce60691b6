SELECT
    week,
    team,
    uniqExact(user_name) AS people
FROM
(
    SELECT
        toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week,
        team_at_commit AS team,
        user_name
    FROM commits
    WHERE user_name != ''
)
GROUP BY week, team
ORDER BY week, team
