SELECT
    commit_date AS day,
    count() AS commits
FROM commits
GROUP BY day
ORDER BY day
