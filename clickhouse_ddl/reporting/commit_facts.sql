-- What reports ask of commits, sorted by time: github.commits is sorted by repository, so that a period
-- of all of them is spread over the whole table. It grows with each insert into github.commits, record
-- by record, and of the message it holds the first line; canaries, which only measure how long a commit
-- takes, are left out. The view …_all reads what was there before it existed: once when it
-- is made, and every month again.
CREATE TABLE IF NOT EXISTS reporting.commit_facts
(
    committed_at DateTime64(6, 'UTC') COMMENT 'When the commit was made, UTC.',
    repository LowCardinality(String) COMMENT 'Repository.',
    commit_id String COMMENT 'Full hash of the commit.',
    author LowCardinality(String) COMMENT 'Name of the author. [pii]',
    author_email LowCardinality(String) COMMENT 'Email address of the author; empty when the commit has none. [pii]',
    author_login LowCardinality(Nullable(String)) COMMENT 'GitHub login of the author; null when the source does not know it. [pii]',
    author_key UInt64 COMMENT 'The author, as in credits: sipHash64(login, email, name).',
    authored_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the change was written, UTC.',
    produced_at DateTime64(6, 'UTC') COMMENT 'When the producer made the record, UTC.',
    commit_date Date32 COMMENT 'Day of the commit, UTC.',
    additions Nullable(Int64) COMMENT 'Lines added.',
    deletions Nullable(Int64) COMMENT 'Lines deleted.',
    changed_files Nullable(Int64) COMMENT 'Files changed.',
    source LowCardinality(String) COMMENT 'What read the commit.',
    co_authors Array(String) COMMENT 'Co-authors, Name <email>. [pii]',
    is_merge Bool COMMENT 'Whether it has two parents or more.',
    subject String COMMENT 'First line of the message, 200 characters at most. [internal]',
    subject_length UInt32 COMMENT 'Characters of the first line of the message.',
    is_conventional Bool COMMENT 'Whether the message begins with a conventional prefix, such as feat or fix.',
    has_body Bool COMMENT 'Whether the message has more than one line.',
    version UInt64 COMMENT 'Which record wins, as in the table of the stream.',
    -- What arrived last is scattered over a history that was read late.
    INDEX produced produced_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (committed_at, repository, commit_id)
SETTINGS min_age_to_force_merge_seconds = 3600
COMMENT 'What reports ask of commits, sorted by time. Read it with FINAL.';

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.commit_facts_feed TO reporting.commit_facts AS
SELECT
    committed_at,
    repository,
    commit_id,
    author,
    author_email,
    author_login,
    sipHash64(ifNull(author_login, ''), author_email, author) AS author_key,
    authored_at,
    produced_at,
    commit_date,
    additions,
    deletions,
    changed_files,
    source,
    co_authors,
    CAST(length(parents) > 1, 'Bool') AS is_merge,
    substringUTF8(splitByChar('\n', substring(commit_message, 1, 2000))[1], 1, 200) AS subject,
    lengthUTF8(splitByChar('\n', commit_message)[1]) AS subject_length,
    match(commit_message, '^(build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test)(\\([^)]*\\))?!?: ') AS is_conventional,
    position(trimRight(commit_message), '\n') > 0 AS has_body,
    version
FROM github.commits
WHERE repository != 'contractline/canary';

CREATE MATERIALIZED VIEW IF NOT EXISTS reporting.commit_facts_all
REFRESH EVERY 1 MONTH APPEND TO reporting.commit_facts AS
SELECT
    committed_at,
    repository,
    commit_id,
    author,
    author_email,
    author_login,
    sipHash64(ifNull(author_login, ''), author_email, author) AS author_key,
    authored_at,
    produced_at,
    commit_date,
    additions,
    deletions,
    changed_files,
    source,
    co_authors,
    CAST(length(parents) > 1, 'Bool') AS is_merge,
    substringUTF8(splitByChar('\n', substring(commit_message, 1, 2000))[1], 1, 200) AS subject,
    lengthUTF8(splitByChar('\n', commit_message)[1]) AS subject_length,
    match(commit_message, '^(build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test)(\\([^)]*\\))?!?: ') AS is_conventional,
    position(trimRight(commit_message), '\n') > 0 AS has_body,
    version
FROM github.commits
WHERE repository != 'contractline/canary';
