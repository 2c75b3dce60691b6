-- github_users: the topic postgres.public.github_users into github.users and github.users_history.
-- Generated from contracts/github_users by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS github;

-- The newest record of each row. Read it with FINAL.
CREATE TABLE IF NOT EXISTS github.users
(
    user_name String COMMENT 'Name of the person; identifies the row. [pii]',
    position String COMMENT 'What the person works as, such as Developer or Analyst.',
    team String COMMENT 'Team that the person belongs to.',
    birth_date Nullable(Date32) COMMENT 'Birth date; null when unknown. [pii]',
    updated_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the row was last changed, UTC.',
    valid_from Nullable(Date32) COMMENT 'First day (UTC) of this team and position, where it is not the day of the change.',
    is_deleted UInt8 COMMENT '1 when the row was deleted in PostgreSQL.',
    op LowCardinality(String) COMMENT 'What happened: r read at the start, c created, u updated, d deleted.',
    changed_at DateTime64(3, 'UTC') COMMENT 'When PostgreSQL committed the change.',
    version UInt128 COMMENT 'Which change is later: epoch << 96 | log position << 32 | offset.',
    _topic LowCardinality(String) COMMENT 'Topic that the record came from.',
    _partition UInt64 COMMENT 'Its partition.',
    _offset UInt64 COMMENT 'Its offset there.'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (user_name)
SETTINGS min_age_to_force_merge_seconds = 3600
COMMENT 'The people behind the commits, with their position and team, as the users table holds them.';

-- Every change of each row. Read it with FINAL: a change that Kafka delivered twice is one.
CREATE TABLE IF NOT EXISTS github.users_history
(
    user_name String COMMENT 'Name of the person; identifies the row. [pii]',
    position String COMMENT 'What the person works as, such as Developer or Analyst.',
    team String COMMENT 'Team that the person belongs to.',
    birth_date Nullable(Date32) COMMENT 'Birth date; null when unknown. [pii]',
    updated_at Nullable(DateTime64(6, 'UTC')) COMMENT 'When the row was last changed, UTC.',
    valid_from Nullable(Date32) COMMENT 'First day (UTC) of this team and position, where it is not the day of the change.',
    is_deleted UInt8 COMMENT '1 when the row was deleted in PostgreSQL.',
    op LowCardinality(String) COMMENT 'What happened: r read at the start, c created, u updated, d deleted.',
    changed_at DateTime64(3, 'UTC') COMMENT 'When PostgreSQL committed the change.',
    version UInt128 COMMENT 'Which change is later: epoch << 96 | log position << 32 | offset.',
    _topic LowCardinality(String) COMMENT 'Topic that the record came from.',
    _partition UInt64 COMMENT 'Its partition.',
    _offset UInt64 COMMENT 'Its offset there.'
)
ENGINE = ReplacingMergeTree
ORDER BY (user_name, version)
SETTINGS min_age_to_force_merge_seconds = 3600
COMMENT 'Every change. The people behind the commits, with their position and team, as the users table holds them.';

-- Every record on its way to the tables; keeps nothing itself.
CREATE TABLE IF NOT EXISTS ingestion.github_users
(
    user_name String,
    position String,
    team String,
    birth_date Nullable(Date32),
    updated_at Nullable(String),
    valid_from Nullable(Date32),
    __deleted Nullable(String),
    __op Nullable(String),
    __lsn Nullable(Int64),
    __source_ts_ms Nullable(Int64),
    _topic LowCardinality(String),
    _partition UInt64,
    _offset UInt64,
    _timestamp_ms Nullable(DateTime64(3, 'UTC')),
    _key String,
    _error String,
    _raw_message String
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.github_users_current TO github.users AS
SELECT
    user_name,
    position,
    team,
    birth_date,
    if(match(ifNull(updated_at, '1970-01-01T00:00:00.000000Z'), '^([+-]?[0-9]{5,}|-[0-9]{4}|[03-9][0-9]{3}|1[0-8][0-9]{2}|2[3-9][0-9]{2})-'), NULL, parseDateTime64BestEffortOrNull(ifNull(updated_at, '1970-01-01T00:00:00.000000Z'), 6, 'UTC')) AS updated_at,
    valid_from,
    ifNull(__deleted, '') = 'true' AS is_deleted,
    ifNull(__op, '') AS op,
    fromUnixTimestamp64Milli(ifNull(__source_ts_ms, 0), 'UTC') AS changed_at,
    bitOr(bitOr(bitShiftLeft(toUInt128(1), 96), bitShiftLeft(toUInt128(greatest(ifNull(__lsn, 0), 0)), 32)), toUInt128(bitAnd(_offset, 4294967295))) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.github_users
WHERE _error = '';

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.github_users_history TO github.users_history AS
SELECT
    user_name,
    position,
    team,
    birth_date,
    if(match(ifNull(updated_at, '1970-01-01T00:00:00.000000Z'), '^([+-]?[0-9]{5,}|-[0-9]{4}|[03-9][0-9]{3}|1[0-8][0-9]{2}|2[3-9][0-9]{2})-'), NULL, parseDateTime64BestEffortOrNull(ifNull(updated_at, '1970-01-01T00:00:00.000000Z'), 6, 'UTC')) AS updated_at,
    valid_from,
    ifNull(__deleted, '') = 'true' AS is_deleted,
    ifNull(__op, '') AS op,
    fromUnixTimestamp64Milli(ifNull(__source_ts_ms, 0), 'UTC') AS changed_at,
    bitOr(bitOr(bitShiftLeft(toUInt128(1), 96), bitShiftLeft(toUInt128(greatest(ifNull(__lsn, 0), 0)), 32)), toUInt128(bitAnd(_offset, 4294967295))) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.github_users
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.github_users_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.github_users
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.github_users_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(fromUnixTimestamp64Milli(__source_ts_ms)), now64(3)), 0)) AS delay
SELECT
    'github_users' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 300) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(300) AS promised_ms
FROM ingestion.github_users
WHERE _error = '' AND ifNull(__op, '') != 'r' AND isNotNull(fromUnixTimestamp64Milli(__source_ts_ms))
GROUP BY stream, minute;

-- Reads postgres.public.github_users; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.github_users_queue
(
    user_name String,
    position String,
    team String,
    birth_date Nullable(Date32),
    updated_at Nullable(String),
    valid_from Nullable(Date32),
    __deleted Nullable(String),
    __op Nullable(String),
    __lsn Nullable(Int64),
    __source_ts_ms Nullable(Int64)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'postgres.public.github_users',
    kafka_group_name = 'contractline_github_users',
    kafka_format = 'AvroConfluent',
    format_avro_schema_registry_url = '${schema_registry_url}',
    input_format_avro_allow_missing_fields = 1,
    input_format_null_as_default = 1,
    kafka_handle_error_mode = 'stream',
    kafka_num_consumers = 1,
    kafka_thread_per_consumer = 1,
    kafka_flush_interval_ms = 100,
    kafka_poll_timeout_ms = 20,
    kafka_consumer_reschedule_ms = 20;

-- Hands every row on. Reading begins when this exists: it comes last.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.github_users_feed TO ingestion.github_users AS
SELECT
    user_name,
    position,
    team,
    birth_date,
    updated_at,
    valid_from,
    __deleted,
    __op,
    __lsn,
    __source_ts_ms,
    _topic,
    _partition,
    _offset,
    _timestamp_ms,
    _key,
    _error,
    _raw_message
FROM ingestion.github_users_queue;
