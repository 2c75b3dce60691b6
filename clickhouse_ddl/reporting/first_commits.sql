-- When each author, as any record of a commit has spelled them, made the first commit. It grows with
-- each insert into github.commits, so that a report need not look through all commits for it. The view
-- …_all reads what was there before it existed: once when it is made, and every month again.
CREATE TABLE IF NOT EXISTS reporting.first_commits
(
    author_key UInt64 COMMENT 'The author, as in credits: sipHash64(login, email, name).',
    first_at SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'When their first commit was made, UTC.'
)
ENGINE = AggregatingMergeTree
ORDER BY author_key
COMMENT 'When each author made the first commit. Read it with FINAL.';

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.first_commits_feed TO reporting.first_commits AS
SELECT sipHash64(ifNull(author_login, ''), author_email, author) AS author_key, min(committed_at) AS first_at
FROM github.commits
WHERE repository != 'contractline/canary'
GROUP BY author_key;

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.first_commits_all
REFRESH EVERY 1 MONTH APPEND TO reporting.first_commits AS
SELECT sipHash64(ifNull(author_login, ''), author_email, author) AS author_key, min(committed_at) AS first_at
FROM github.commits
WHERE repository != 'contractline/canary'
GROUP BY author_key;

-- A person has the first commit of all their spellings; who is not known is told apart by the address.
CREATE OR REPLACE VIEW reporting.beginners AS
SELECT
    if(author.user_name = '', lower(author.email), author.user_name) AS person,
    min(spelling.first_at) AS first_at
FROM reporting.first_commits AS spelling FINAL
INNER JOIN reporting.authors AS author
    ON author.author_key = spelling.author_key
GROUP BY person
COMMENT 'When each person made the first commit, in any repository.';
