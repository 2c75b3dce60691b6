SELECT
    stream,
    sum(messages) AS records,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(delays)[1] / 1000 AS median,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(delays)[3] / 1000 AS slowest,
    max(promised_ms) / 1000 AS promised,
    1 - sum(late) / sum(messages) AS in_time
FROM arrivals
WHERE minute >= toStartOfMinute(now('UTC')) - INTERVAL 1 HOUR
GROUP BY stream
ORDER BY stream
