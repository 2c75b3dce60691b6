SELECT
    toDate32(committed_at, 'UTC') - toDayOfWeek(committed_at, 0, 'UTC') + 1 AS week,
    countIf(is_merge) / count() AS merges,
    countIf(is_bot) / count() AS bots,
    countIf(assistant != '') / count() AS assistants
FROM commits
GROUP BY week
ORDER BY week
