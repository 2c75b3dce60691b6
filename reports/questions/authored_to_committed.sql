SELECT
    toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week,
    quantileExact(0.5)(dateDiff('second', assumeNotNull(authored_at), committed_at)) AS median,
    quantileExact(0.9)(dateDiff('second', assumeNotNull(authored_at), committed_at)) AS slowest_tenth
FROM commits
WHERE isNotNull(authored_at)
GROUP BY week
ORDER BY week
