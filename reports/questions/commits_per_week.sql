SELECT
    toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week,
    count() AS commits
FROM commits
GROUP BY week
ORDER BY week
