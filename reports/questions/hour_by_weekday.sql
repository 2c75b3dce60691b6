SELECT
    toDayOfWeek(committed_at, 0, 'UTC') AS day,
    ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][day] AS weekday,
    toHour(committed_at, 'UTC') AS hour,
    count() AS commits
FROM commits
GROUP BY day, weekday, hour
ORDER BY day, hour
