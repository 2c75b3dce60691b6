-- every_type: the topic every_type_topic into cases.every_type.
-- Generated from contracts/every_type by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS cases;

-- The newest record of each row. Read it with FINAL.
CREATE TABLE IF NOT EXISTS cases.every_type
(
    id Int64,
    made_at DateTime64(6, 'UTC') COMMENT 'When the record was made.',
    flag Bool COMMENT 'A value of flag.',
    small Int64 COMMENT 'A value of small.',
    big Int64 COMMENT 'A value of big.',
    single Float64 COMMENT 'A value of single.',
    exact Float64 COMMENT 'A value of exact.',
    octets String COMMENT 'A value of octets.',
    text String COMMENT 'A value of text.',
    fixed4 String COMMENT 'A value of fixed4.',
    colour LowCardinality(String) COMMENT 'A value of colour.',
    day Date32 COMMENT 'A value of day.',
    clock_ms Int64 COMMENT 'A value of clock_ms.',
    clock_us Int64 COMMENT 'A value of clock_us.',
    at_ms DateTime64(3, 'UTC') COMMENT 'A value of at_ms.',
    at_us DateTime64(6, 'UTC') COMMENT 'A value of at_us.',
    at_ns DateTime64(9, 'UTC') COMMENT 'A value of at_ns.',
    local_ms DateTime64(3, 'UTC') COMMENT 'A value of local_ms.',
    local_us DateTime64(6, 'UTC') COMMENT 'A value of local_us.',
    price Decimal(12, 3) COMMENT 'A value of price.',
    cost Decimal(18, 2) COMMENT 'A value of cost.',
    uuid UUID COMMENT 'A value of uuid.',
    tags Array(String) COMMENT 'A value of tags.',
    grid Array(Array(Int64)) COMMENT 'A value of grid.',
    holes Array(Nullable(Int64)) COMMENT 'A value of holes.',
    days Array(Date32) COMMENT 'A value of days.',
    counts Map(String, Int64) COMMENT 'A value of counts.',
    names Map(String, Nullable(String)) COMMENT 'A value of names.',
    version UInt64 COMMENT 'Which record wins: how complete it is, then how late (made_at).',
    _topic LowCardinality(String) COMMENT 'Topic that the record came from.',
    _partition UInt64 COMMENT 'Its partition.',
    _offset UInt64 COMMENT 'Its offset there.'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (id)
SETTINGS min_age_to_force_merge_seconds = 3600
COMMENT 'One column of every type.';

-- Every record on its way to the tables; keeps nothing itself.
CREATE TABLE IF NOT EXISTS ingestion.every_type
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    flag Bool,
    small Int64,
    big Int64,
    single Float64,
    exact Float64,
    octets String,
    text String,
    fixed4 String,
    colour LowCardinality(String),
    day Date32,
    clock_ms Int64,
    clock_us Int64,
    at_ms DateTime64(3, 'UTC'),
    at_us DateTime64(6, 'UTC'),
    at_ns DateTime64(9, 'UTC'),
    local_ms DateTime64(3, 'UTC'),
    local_us DateTime64(6, 'UTC'),
    price Decimal(12, 3),
    cost Decimal(18, 2),
    uuid UUID,
    tags Array(String),
    grid Array(Array(Int64)),
    holes Array(Nullable(Int64)),
    days Array(Date32),
    counts Map(String, Int64),
    names Map(String, Nullable(String)),
    _topic LowCardinality(String),
    _partition UInt64,
    _offset UInt64,
    _timestamp_ms Nullable(DateTime64(3, 'UTC')),
    _key String,
    _error String,
    _raw_message String
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.every_type_current TO cases.every_type AS
SELECT
    id,
    made_at,
    flag,
    small,
    big,
    single,
    exact,
    octets,
    text,
    fixed4,
    colour,
    day,
    clock_ms,
    clock_us,
    at_ms,
    at_us,
    at_ns,
    local_ms,
    local_us,
    price,
    cost,
    uuid,
    tags,
    grid,
    holes,
    days,
    counts,
    names,
    toUInt64(least(greatest(toUnixTimestamp64Micro(made_at), 0), 72057594037927935)) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.every_type
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.every_type_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.every_type
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.every_type_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(_timestamp_ms), now64(3)), 0)) AS delay
SELECT
    'every_type' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 600) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(600) AS promised_ms
FROM ingestion.every_type
WHERE _error = '' AND isNotNull(_timestamp_ms)
GROUP BY stream, minute;

-- Reads every_type_topic; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.every_type_queue
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    flag Bool,
    small Int64,
    big Int64,
    single Float64,
    exact Float64,
    octets String,
    text String,
    fixed4 String,
    colour LowCardinality(String),
    day Date32,
    clock_ms Int64,
    clock_us Int64,
    at_ms DateTime64(3, 'UTC'),
    at_us DateTime64(6, 'UTC'),
    at_ns DateTime64(9, 'UTC'),
    local_ms DateTime64(3, 'UTC'),
    local_us DateTime64(6, 'UTC'),
    price Decimal(12, 3),
    cost Decimal(18, 2),
    uuid UUID,
    tags Array(String),
    grid Array(Array(Int64)),
    holes Array(Nullable(Int64)),
    days Array(Date32),
    counts Map(String, Int64),
    names Map(String, Nullable(String))
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'every_type_topic',
    kafka_group_name = 'contractline_every_type',
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
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.every_type_feed TO ingestion.every_type AS
SELECT
    id,
    made_at,
    flag,
    small,
    big,
    single,
    exact,
    octets,
    text,
    fixed4,
    colour,
    day,
    clock_ms,
    clock_us,
    at_ms,
    at_us,
    at_ns,
    local_ms,
    local_us,
    price,
    cost,
    uuid,
    tags,
    grid,
    holes,
    days,
    counts,
    names,
    _topic,
    _partition,
    _offset,
    _timestamp_ms,
    _key,
    _error,
    _raw_message
FROM ingestion.every_type_queue;
