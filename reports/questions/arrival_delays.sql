SELECT
    minute,
    stream,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(delays)[3] / 1000 AS slowest
FROM arrivals
WHERE minute >= toStartOfMinute(now('UTC')) - INTERVAL 3 HOUR
GROUP BY minute, stream
ORDER BY minute, stream
