SELECT
    repository,
    sum(additions) AS added,
    sum(deletions) AS deleted
FROM commits
WHERE isNotNull(additions)
GROUP BY repository
ORDER BY added + deleted DESC, repository
