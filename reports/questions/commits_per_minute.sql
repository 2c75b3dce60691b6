SELECT
    toStartOfMinute(produced_at) AS minute,
    count() AS commits
FROM commits
WHERE produced_at >= toStartOfMinute(now()) - INTERVAL 59 MINUTE
GROUP BY minute
ORDER BY minute WITH FILL
    FROM toStartOfMinute(now()) - INTERVAL 59 MINUTE
    TO toStartOfMinute(now()) + INTERVAL 1 MINUTE
    STEP INTERVAL 1 MINUTE
