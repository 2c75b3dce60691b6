SELECT
    week,
    if(week = first_week, 'new', 'returning') AS kind,
    count() AS people
FROM
(
    SELECT
        if(user_name = '', lower(author_email), user_name) AS person,
        groupUniqArray(toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1) AS weeks,
        arrayMin(weeks) AS first_week
    FROM commits
    GROUP BY person
)
ARRAY JOIN weeks AS week
WHERE week >= toDate32({since:DateTime64(6, 'UTC')}) AND week < {until:DateTime64(6, 'UTC')}
GROUP BY week, kind
ORDER BY week, kind
