SELECT
    topic,
    class,
    count() AS messages,
    min(at) AS oldest,
    any(substring(reason, 1, 300)) AS example
FROM open_errors
GROUP BY topic, class
ORDER BY messages DESC, topic, class
