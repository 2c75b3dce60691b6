SELECT
    toStartOfMinute(produced_at) AS minute,
    source,
    count() AS records
FROM commits
WHERE produced_at >= toStartOfMinute(now()) - INTERVAL 3 HOUR
GROUP BY minute, source
ORDER BY minute, source
