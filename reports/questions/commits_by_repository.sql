SELECT
    repository,
    count() AS commits
FROM commits
GROUP BY repository
ORDER BY commits DESC, repository
