-- added_with_default: the topic added_with_default_topic into cases.added_with_default.
-- Generated from contracts/added_with_default by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS cases;

-- The newest record of each row. Read it with FINAL.
CREATE TABLE IF NOT EXISTS cases.added_with_default
(
    id Int64,
    made_at DateTime64(6, 'UTC') COMMENT 'When the record was made.',
    branch String DEFAULT 'main',
    quote String DEFAULT 'it\'s \\ here\n',
    flag Bool DEFAULT true,
    amount Int64 DEFAULT -5,
    ratio Float64 DEFAULT 0.25,
    octets String DEFAULT unhex('ff61'),
    colour LowCardinality(String) DEFAULT 'GREEN',
    day Date32 DEFAULT toDate32('1969-12-31'),
    at_ms DateTime64(3, 'UTC') DEFAULT fromUnixTimestamp64Milli(toInt64(1500), 'UTC'),
    at_us DateTime64(6, 'UTC') DEFAULT fromUnixTimestamp64Micro(toInt64(-1), 'UTC'),
    price Decimal(6, 2) DEFAULT CAST('-1.23', 'Decimal(6, 2)'),
    uuid UUID DEFAULT toUUID('00000000-0000-0000-0000-000000000001'),
    tags Array(String),
    note Nullable(String),
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
CREATE TABLE IF NOT EXISTS ingestion.added_with_default
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    branch Nullable(String),
    quote Nullable(String),
    flag Nullable(Bool),
    amount Nullable(Int64),
    ratio Nullable(Float64),
    octets Nullable(String),
    colour LowCardinality(Nullable(String)),
    day Nullable(Date32),
    at_ms Nullable(DateTime64(3, 'UTC')),
    at_us Nullable(DateTime64(6, 'UTC')),
    price Nullable(Decimal(6, 2)),
    uuid Nullable(UUID),
    tags Array(String),
    note Nullable(String),
    _topic LowCardinality(String),
    _partition UInt64,
    _offset UInt64,
    _timestamp_ms Nullable(DateTime64(3, 'UTC')),
    _key String,
    _error String,
    _raw_message String
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.added_with_default_current TO cases.added_with_default AS
SELECT
    id,
    made_at,
    ifNull(branch, 'main') AS branch,
    ifNull(quote, 'it\'s \\ here\n') AS quote,
    ifNull(flag, true) AS flag,
    ifNull(amount, -5) AS amount,
    ifNull(ratio, 0.25) AS ratio,
    ifNull(octets, unhex('ff61')) AS octets,
    ifNull(colour, 'GREEN') AS colour,
    ifNull(day, toDate32('1969-12-31')) AS day,
    ifNull(at_ms, fromUnixTimestamp64Milli(toInt64(1500), 'UTC')) AS at_ms,
    ifNull(at_us, fromUnixTimestamp64Micro(toInt64(-1), 'UTC')) AS at_us,
    ifNull(price, CAST('-1.23', 'Decimal(6, 2)')) AS price,
    ifNull(uuid, toUUID('00000000-0000-0000-0000-000000000001')) AS uuid,
    tags,
    note,
    toUInt64(least(greatest(toUnixTimestamp64Micro(made_at), 0), 72057594037927935)) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.added_with_default
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.added_with_default_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.added_with_default
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.added_with_default_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(_timestamp_ms), now64(3)), 0)) AS delay
SELECT
    'added_with_default' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 600) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(600) AS promised_ms
FROM ingestion.added_with_default
WHERE _error = '' AND isNotNull(_timestamp_ms)
GROUP BY stream, minute;

-- Reads added_with_default_topic; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.added_with_default_queue
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    branch Nullable(String),
    quote Nullable(String),
    flag Nullable(Bool),
    amount Nullable(Int64),
    ratio Nullable(Float64),
    octets Nullable(String),
    colour LowCardinality(Nullable(String)),
    day Nullable(Date32),
    at_ms Nullable(DateTime64(3, 'UTC')),
    at_us Nullable(DateTime64(6, 'UTC')),
    price Nullable(Decimal(6, 2)),
    uuid Nullable(UUID),
    tags Array(String),
    note Nullable(String)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'added_with_default_topic',
    kafka_group_name = 'contractline_added_with_default',
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
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.added_with_default_feed TO ingestion.added_with_default AS
SELECT
    id,
    made_at,
    branch,
    quote,
    flag,
    amount,
    ratio,
    octets,
    colour,
    day,
    at_ms,
    at_us,
    price,
    uuid,
    tags,
    note,
    _topic,
    _partition,
    _offset,
    _timestamp_ms,
    _key,
    _error,
    _raw_message
FROM ingestion.added_with_default_queue;
