-- postgres_uuid_and_numeric: the topic postgres_uuid_and_numeric_topic into cases.postgres_uuid_and_numeric.
-- Generated from contracts/postgres_uuid_and_numeric by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS cases;

-- The newest record of each row. Read it with FINAL.
CREATE TABLE IF NOT EXISTS cases.postgres_uuid_and_numeric
(
    id Nullable(UUID) COMMENT 'Which it is.',
    price Nullable(Decimal(12, 2)),
    share Nullable(Decimal(4, 4)),
    pieces Nullable(Decimal(5, 0)),
    rest Nullable(String),
    rounded Nullable(String),
    kept String,
    is_deleted UInt8 COMMENT '1 when the row was deleted in PostgreSQL.',
    op LowCardinality(String) COMMENT 'What happened: r read at the start, c created, u updated, d deleted.',
    changed_at DateTime64(3, 'UTC') COMMENT 'When PostgreSQL committed the change.',
    version UInt128 COMMENT 'Which change is later: epoch << 96 | log position << 32 | offset.',
    _topic LowCardinality(String) COMMENT 'Topic that the record came from.',
    _partition UInt64 COMMENT 'Its partition.',
    _offset UInt64 COMMENT 'Its offset there.'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id)
SETTINGS min_age_to_force_merge_seconds = 3600, allow_nullable_key = 1
COMMENT 'Things.';

-- Every record on its way to the tables; keeps nothing itself.
CREATE TABLE IF NOT EXISTS ingestion.postgres_uuid_and_numeric
(
    id String,
    price Nullable(String),
    share Nullable(String),
    pieces Nullable(String),
    rest Nullable(String),
    rounded Nullable(String),
    kept String,
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

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_uuid_and_numeric_current TO cases.postgres_uuid_and_numeric AS
SELECT
    toUUIDOrNull(id) AS id,
    CAST(if(match(ifNull(price, '0.00'), '^-?[0-9]{1,10}([.][0-9]{1,2})?$'), ifNull(price, '0.00'), NULL), 'Nullable(Decimal(12, 2))') AS price,
    CAST(if(match(share, '^-?0([.][0-9]{1,4})?$'), share, NULL), 'Nullable(Decimal(4, 4))') AS share,
    CAST(if(match(pieces, '^-?[0-9]{1,5}$'), pieces, NULL), 'Nullable(Decimal(5, 0))') AS pieces,
    rest,
    rounded,
    kept,
    ifNull(__deleted, '') = 'true' AS is_deleted,
    ifNull(__op, '') AS op,
    fromUnixTimestamp64Milli(ifNull(__source_ts_ms, 0), 'UTC') AS changed_at,
    bitOr(bitOr(bitShiftLeft(toUInt128(1), 96), bitShiftLeft(toUInt128(greatest(ifNull(__lsn, 0), 0)), 32)), toUInt128(bitAnd(_offset, 4294967295))) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.postgres_uuid_and_numeric
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_uuid_and_numeric_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.postgres_uuid_and_numeric
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_uuid_and_numeric_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(fromUnixTimestamp64Milli(__source_ts_ms)), now64(3)), 0)) AS delay
SELECT
    'postgres_uuid_and_numeric' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 600) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(600) AS promised_ms
FROM ingestion.postgres_uuid_and_numeric
WHERE _error = '' AND ifNull(__op, '') != 'r' AND isNotNull(fromUnixTimestamp64Milli(__source_ts_ms))
GROUP BY stream, minute;

-- Reads postgres_uuid_and_numeric_topic; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.postgres_uuid_and_numeric_queue
(
    id String,
    price Nullable(String),
    share Nullable(String),
    pieces Nullable(String),
    rest Nullable(String),
    rounded Nullable(String),
    kept String,
    __deleted Nullable(String),
    __op Nullable(String),
    __lsn Nullable(Int64),
    __source_ts_ms Nullable(Int64)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'postgres_uuid_and_numeric_topic',
    kafka_group_name = 'contractline_postgres_uuid_and_numeric',
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
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.postgres_uuid_and_numeric_feed TO ingestion.postgres_uuid_and_numeric AS
SELECT
    id,
    price,
    share,
    pieces,
    rest,
    rounded,
    kept,
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
FROM ingestion.postgres_uuid_and_numeric_queue;
