-- Every author and co-author as any record of a commit has spelled them, and the login that GitHub
-- gave for an email address last. Both grow with each insert into github.commits, so that a report
-- need not look through all commits for them. The views …_all read what was there before they
-- existed: once when they are made, and every day again.
CREATE TABLE IF NOT EXISTS reporting.author_spellings
(
    login String COMMENT 'GitHub login; empty when the source does not know it. [pii]',
    email String COMMENT 'Email address; empty when the commit has none. [pii]',
    name String COMMENT 'Name. [pii]',
    author_key UInt64 DEFAULT sipHash64(login, email, name) COMMENT 'Stands for the three.'
)
ENGINE = ReplacingMergeTree
ORDER BY (email, name, login)
COMMENT 'Every author and co-author as any record of a commit has spelled them. Read it with FINAL.';

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.author_spellings_feed TO reporting.author_spellings AS
SELECT DISTINCT spelling.1 AS login, spelling.2 AS email, spelling.3 AS name
FROM github.commits
ARRAY JOIN arrayPushFront(
    arrayMap(
        co_author -> ('', extract(co_author, '<([^<>]*)>\\s*$'), trim(extract(co_author, '^([^<]*)'))),
        co_authors),
    (ifNull(author_login, ''), author_email, author)) AS spelling;

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.author_spellings_all
REFRESH EVERY 1 DAY APPEND TO reporting.author_spellings AS
SELECT DISTINCT spelling.1 AS login, spelling.2 AS email, spelling.3 AS name
FROM github.commits
ARRAY JOIN arrayPushFront(
    arrayMap(
        co_author -> ('', extract(co_author, '<([^<>]*)>\\s*$'), trim(extract(co_author, '^([^<]*)'))),
        co_authors),
    (ifNull(author_login, ''), author_email, author)) AS spelling;

CREATE TABLE IF NOT EXISTS reporting.email_logins
(
    email String COMMENT 'Email address, in lower case. [pii]',
    login SimpleAggregateFunction(max, Tuple(DateTime64(6, 'UTC'), String)) COMMENT 'The newest commit with both, and the login there, in lower case. [pii]'
)
ENGINE = AggregatingMergeTree
ORDER BY email
COMMENT 'The login that GitHub gave for an email address last. Read it with FINAL.';

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.email_logins_feed TO reporting.email_logins AS
SELECT lowerUTF8(author_email) AS email, max((committed_at, lowerUTF8(ifNull(author_login, '')))) AS login
FROM github.commits
WHERE author_email != '' AND ifNull(author_login, '') != ''
GROUP BY email;

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.email_logins_all
REFRESH EVERY 1 DAY APPEND TO reporting.email_logins AS
SELECT lowerUTF8(author_email) AS email, max((committed_at, lowerUTF8(ifNull(author_login, '')))) AS login
FROM github.commits
WHERE author_email != '' AND ifNull(author_login, '') != ''
GROUP BY email;
