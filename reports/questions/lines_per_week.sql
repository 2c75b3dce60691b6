SELECT
    toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week,
    sum(additions) AS added,
    sum(deletions) AS deleted
FROM commits
WHERE isNotNull(additions)
GROUP BY week
ORDER BY week
