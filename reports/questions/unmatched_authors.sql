SELECT
    author,
    author_email,
    ifNull(author_login, '') AS login,
    count() AS commits,
    uniqExact(repository) AS repositories,
    max(committed_at) AS latest
FROM commits
WHERE user_name = ''
GROUP BY author, author_email, login
ORDER BY commits DESC, author, author_email, login
LIMIT 200
