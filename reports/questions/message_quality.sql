SELECT
    toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week,
    countIf(is_conventional) / count() AS conventional,
    countIf(has_body) / count() AS explained,
    countIf(subject_length > 72) / count() AS too_long
FROM commits
WHERE NOT is_merge
GROUP BY week
ORDER BY week
