SELECT
    countIf(produced_at >= now64(6) - INTERVAL 1 MINUTE) AS last_minute,
    countIf(produced_at >= now64(6) - INTERVAL 1 HOUR) AS last_hour,
    count() AS last_day
FROM commits
WHERE produced_at >= now64(6) - INTERVAL 1 DAY
