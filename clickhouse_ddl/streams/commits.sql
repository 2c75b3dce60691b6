-- commits: the topic commits_topic into github.commits.
-- Generated from contracts/commits by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS github;

-- The newest record of each row. Read it with FINAL.
CREATE TABLE IF NOT EXISTS github.commits
(
    repository String COMMENT 'Canonical name of the repository, owner/name, as the settings spell it: a rename on GitHub does not change it.',
    commit_id String COMMENT 'Full hash of the commit, lower-case hexadecimal.',
    author String COMMENT 'Name of the author, after git\'s mailmap. [pii]',
    author_email String COMMENT 'Email address of the author, after git\'s mailmap; empty when the commit has none. [pii]',
    author_login Nullable(String) COMMENT 'GitHub login of the author; null when the source does not know it. [pii]',
    committer String COMMENT 'Name of the committer, after git\'s mailmap. [pii]',
    committer_email String COMMENT 'Email address of the committer, after git\'s mailmap; empty when the commit has none. [pii]',
    committer_login Nullable(String) COMMENT 'GitHub login of the committer; null when the source does not know it. [pii]',
    commit_message String COMMENT 'Whole message without the final newline. [internal]',
    authored_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the change was written, UTC; null when the source does not know it.',
    committed_at DateTime64(6, 'UTC') COMMENT 'When the commit was made, UTC. Real histories hold any date, 1970 and 2100 included.',
    parents Array(String) COMMENT 'Full hashes of the parents in git\'s order: none for a root, two or more for a merge.',
    additions Nullable(Int64) COMMENT 'Lines added against the first parent; null when the source does not count lines.',
    deletions Nullable(Int64) COMMENT 'Lines deleted against the first parent; null when the source does not count lines.',
    changed_files Nullable(Int64) COMMENT 'Files changed against the first parent; null when the source does not count them.',
    source String COMMENT 'What read the commit: fake, git, github or webhook.',
    produced_at DateTime64(6, 'UTC') COMMENT 'When the producer made this record, UTC.',
    co_authors Array(String) COMMENT 'Co-authors as the message\'s Co-authored-by trailers give them: Name <email>. [pii]',
    commit_date Date32 DEFAULT toDate32(committed_at) COMMENT 'Day of the commit, UTC. Date32, since Date turns 1969 into 2149.',
    version UInt64 COMMENT 'Which record wins: how complete it is, then how late (additions > author_login > produced_at).',
    _topic LowCardinality(String) COMMENT 'Topic that the record came from.',
    _partition UInt64 COMMENT 'Its partition.',
    _offset UInt64 COMMENT 'Its offset there.'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (repository, committed_at, commit_id)
SETTINGS min_age_to_force_merge_seconds = 3600
COMMENT 'Every commit of the watched repositories, once, whatever source brought it: a local clone, GitHub\'s API, a webhook or the generator.';

-- Every record on its way to the tables; keeps nothing itself.
CREATE TABLE IF NOT EXISTS ingestion.commits
(
    repository String,
    commit_id String,
    author String,
    author_email String,
    author_login Nullable(String),
    committer String,
    committer_email String,
    committer_login Nullable(String),
    commit_message String,
    authored_at Nullable(DateTime64(6, 'UTC')),
    committed_at DateTime64(6, 'UTC'),
    parents Array(String),
    additions Nullable(Int64),
    deletions Nullable(Int64),
    changed_files Nullable(Int64),
    source String,
    produced_at DateTime64(6, 'UTC'),
    co_authors Array(String),
    _topic LowCardinality(String),
    _partition UInt64,
    _offset UInt64,
    _timestamp_ms Nullable(DateTime64(3, 'UTC')),
    _key String,
    _error String,
    _raw_message String
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.commits_current TO github.commits AS
SELECT
    repository,
    commit_id,
    author,
    author_email,
    author_login,
    committer,
    committer_email,
    committer_login,
    commit_message,
    authored_at,
    committed_at,
    parents,
    additions,
    deletions,
    changed_files,
    source,
    produced_at,
    co_authors,
    bitShiftLeft(toUInt64(isNotNull(additions)), 57) + bitShiftLeft(toUInt64(isNotNull(author_login)), 56) + toUInt64(least(greatest(toUnixTimestamp64Micro(produced_at), 0), 72057594037927935)) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.commits
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.commits_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.commits
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.commits_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(_timestamp_ms), now64(3)), 0)) AS delay
SELECT
    'commits' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 600) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(600) AS promised_ms
FROM ingestion.commits
WHERE _error = '' AND isNotNull(_timestamp_ms)
GROUP BY stream, minute;

-- Reads commits_topic; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.commits_queue
(
    repository String,
    commit_id String,
    author String,
    author_email String,
    author_login Nullable(String),
    committer String,
    committer_email String,
    committer_login Nullable(String),
    commit_message String,
    authored_at Nullable(DateTime64(6, 'UTC')),
    committed_at DateTime64(6, 'UTC'),
    parents Array(String),
    additions Nullable(Int64),
    deletions Nullable(Int64),
    changed_files Nullable(Int64),
    source String,
    produced_at DateTime64(6, 'UTC'),
    co_authors Array(String)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'commits_topic',
    kafka_group_name = 'contractline_commits',
    kafka_format = 'AvroConfluent',
    format_avro_schema_registry_url = '${schema_registry_url}',
    input_format_avro_allow_missing_fields = 1,
    input_format_null_as_default = 1,
    kafka_handle_error_mode = 'stream',
    kafka_num_consumers = 1,
    kafka_thread_per_consumer = 1,
    kafka_flush_interval_ms = 400,
    kafka_poll_timeout_ms = 20,
    kafka_consumer_reschedule_ms = 20;

-- Hands every row on. Reading begins when this exists: it comes last.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.commits_feed TO ingestion.commits AS
SELECT
    repository,
    commit_id,
    author,
    author_email,
    author_login,
    committer,
    committer_email,
    committer_login,
    commit_message,
    authored_at,
    committed_at,
    parents,
    additions,
    deletions,
    changed_files,
    source,
    produced_at,
    co_authors,
    _topic,
    _partition,
    _offset,
    _timestamp_ms,
    _key,
    _error,
    _raw_message
FROM ingestion.commits_queue;
