-- postgres_without_key: the topic postgres_without_key_topic into cases.postgres_without_key.
-- Generated from contracts/postgres_without_key by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS cases;

-- The rows, which all their columns tell apart: an update leaves the old one. Read it with FINAL.
CREATE TABLE IF NOT EXISTS cases.postgres_without_key
(
    name String COMMENT 'Who it is. [pii]',
    born Nullable(Date32),
    changed Nullable(DateTime64(6, 'UTC')) COMMENT 'When.',
    `left` Nullable(DateTime64(6, 'UTC')),
    note Nullable(String),
    is_deleted UInt8 COMMENT '1 when the row was deleted in PostgreSQL.',
    op LowCardinality(String) COMMENT 'What happened: r read at the start, c created, u updated, d deleted.',
    changed_at DateTime64(3, 'UTC') COMMENT 'When PostgreSQL committed the change.',
    version UInt128 COMMENT 'Which change is later: epoch << 96 | log position << 32 | offset.',
    _topic LowCardinality(String) COMMENT 'Topic that the record came from.',
    _partition UInt64 COMMENT 'Its partition.',
    _offset UInt64 COMMENT 'Its offset there.'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (name, born, changed, `left`, note)
SETTINGS min_age_to_force_merge_seconds = 3600, allow_nullable_key = 1
COMMENT 'Things.';

-- Every record on its way to the tables; keeps nothing itself.
CREATE TABLE IF NOT EXISTS ingestion.postgres_without_key
(
    name String,
    born Nullable(Date32),
    changed Nullable(String),
    `left` Nullable(String),
    note Nullable(String),
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

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_without_key_current TO cases.postgres_without_key AS
SELECT
    name,
    born,
    if(match(ifNull(changed, '1970-01-01T00:00:00.000000Z'), '^([+-]?[0-9]{5,}|-[0-9]{4}|[03-9][0-9]{3}|1[0-8][0-9]{2}|2[3-9][0-9]{2})-'), NULL, parseDateTime64BestEffortOrNull(ifNull(changed, '1970-01-01T00:00:00.000000Z'), 6, 'UTC')) AS changed,
    if(match(`left`, '^([+-]?[0-9]{5,}|-[0-9]{4}|[03-9][0-9]{3}|1[0-8][0-9]{2}|2[3-9][0-9]{2})-'), NULL, parseDateTime64BestEffortOrNull(`left`, 6, 'UTC')) AS `left`,
    note,
    ifNull(__deleted, '') = 'true' AS is_deleted,
    ifNull(__op, '') AS op,
    fromUnixTimestamp64Milli(ifNull(__source_ts_ms, 0), 'UTC') AS changed_at,
    bitOr(bitOr(bitShiftLeft(toUInt128(3), 96), bitShiftLeft(toUInt128(greatest(ifNull(__lsn, 0), 0)), 32)), toUInt128(bitAnd(_offset, 4294967295))) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.postgres_without_key
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_without_key_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.postgres_without_key
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_without_key_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(fromUnixTimestamp64Milli(__source_ts_ms)), now64(3)), 0)) AS delay
SELECT
    'postgres_without_key' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 600) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(600) AS promised_ms
FROM ingestion.postgres_without_key
WHERE _error = '' AND ifNull(__op, '') != 'r' AND isNotNull(fromUnixTimestamp64Milli(__source_ts_ms))
GROUP BY stream, minute;

-- Reads postgres_without_key_topic; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.postgres_without_key_queue
(
    name String,
    born Nullable(Date32),
    changed Nullable(String),
    `left` Nullable(String),
    note Nullable(String),
    __deleted Nullable(String),
    __op Nullable(String),
    __lsn Nullable(Int64),
    __source_ts_ms Nullable(Int64)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'postgres_without_key_topic',
    kafka_group_name = 'contractline_postgres_without_key',
    kafka_format = 'AvroConfluent',
    format_avro_schema_registry_url = '${schema_registry_url}',
    input_format_avro_allow_missing_fields = 1,
    input_format_null_as_default = 1,
    kafka_handle_error_mode = 'stream',
    kafka_num_consumers = 1,
    kafka_thread_per_consumer = 1,
    kafka_flush_interval_ms = 200,
    kafka_poll_timeout_ms = 20,
    kafka_consumer_reschedule_ms = 20;

-- Hands every row on. Reading begins when this exists: it comes last.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_without_key_feed TO ingestion.postgres_without_key AS
SELECT
    name,
    born,
    changed,
    `left`,
    note,
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
FROM ingestion.postgres_without_key_queue;
