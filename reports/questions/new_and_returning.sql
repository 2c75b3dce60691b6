SELECT
    week,
    if(week = first_week, 'new', 'returning') AS kind,
    count() AS people
FROM
(
    SELECT DISTINCT
        if(user_name = '', lower(author_email), user_name) AS person,
        toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week
    FROM commits
) AS active
INNER JOIN
(
    SELECT
        person,
        toDate32(first_at, 'UTC') - toDayOfWeek(first_at, 0, 'UTC') + 1 AS first_week
    FROM reporting.beginners
) AS beginner USING (person)
GROUP BY week, kind
ORDER BY week, kind
