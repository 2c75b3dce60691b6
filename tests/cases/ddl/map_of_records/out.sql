-- map_of_records: the topic map_of_records_topic into cases.map_of_records.
-- Generated from contracts/map_of_records by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS cases;

-- The newest record of each row. Read it with FINAL.
CREATE TABLE IF NOT EXISTS cases.map_of_records
(
    id Int64,
    made_at DateTime64(6, 'UTC') COMMENT 'When the record was made.',
    parts Map(String, Tuple(a String)),
    version UInt64 COMMENT 'Which record wins: how complete it is, then how late (made_at).',
    _topic LowCardinality(String) COMMENT 'Topic that the record came from.',
    _partition UInt64 COMMENT 'Its partition.',
    _offset UInt64 COMMENT 'Its offset there.'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (id)
SETTINGS min_age_to_force_merge_seconds = 3600
COMMENT 'Things.';

-- Every record on its way to the tables; keeps nothing itself.
CREATE TABLE IF NOT EXISTS ingestion.map_of_records
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    parts Map(String, Tuple(a String)),
    _topic LowCardinality(String),
    _partition UInt64,
    _offset UInt64,
    _timestamp_ms Nullable(DateTime64(3, 'UTC')),
    _key String,
    _error String,
    _raw_message String
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.map_of_records_current TO cases.map_of_records AS
SELECT
    id,
    made_at,
    parts,
    toUInt64(least(greatest(toUnixTimestamp64Micro(made_at), 0), 72057594037927935)) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.map_of_records
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.map_of_records_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.map_of_records
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.map_of_records_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(_timestamp_ms), now64(3)), 0)) AS delay
SELECT
    'map_of_records' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 600) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(600) AS promised_ms
FROM ingestion.map_of_records
WHERE _error = '' AND isNotNull(_timestamp_ms)
GROUP BY stream, minute;

-- Reads map_of_records_topic; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.map_of_records_queue
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    parts Map(String, Tuple(a String))
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'map_of_records_topic',
    kafka_group_name = 'contractline_map_of_records',
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
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.map_of_records_feed TO ingestion.map_of_records AS
SELECT
    id,
    made_at,
    parts,
    _topic,
    _partition,
    _offset,
    _timestamp_ms,
    _key,
    _error,
    _raw_message
FROM ingestion.map_of_records_queue;
