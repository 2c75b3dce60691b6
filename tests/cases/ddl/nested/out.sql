-- nested: the topic nested_topic into cases.nested.
-- Generated from contracts/nested by `contractline generate tables`. The two ${…} are filled in when it is applied.

CREATE DATABASE IF NOT EXISTS ingestion;

CREATE DATABASE IF NOT EXISTS cases;

-- The newest record of each row. Read it with FINAL.
CREATE TABLE IF NOT EXISTS cases.nested
(
    id Int64,
    made_at DateTime64(6, 'UTC') COMMENT 'When the record was made.',
    home_city String COMMENT 'City.',
    home_floor Nullable(Int64),
    home_tags Array(String),
    home_roads Array(String),
    home_at_lat Float64,
    home_at_lon Float64,
    stop_city Nullable(String) COMMENT 'City.',
    stop_floor Nullable(Int64),
    stop_tags Array(String) COMMENT 'Empty also when it is null in the record.',
    stop_roads Array(String) COMMENT 'Empty also when it is null in the record.',
    stop_at_lat Nullable(Float64),
    stop_at_lon Nullable(Float64),
    again_city Nullable(String) COMMENT 'City.',
    again_floor Nullable(Int64),
    again_tags Array(String) COMMENT 'Empty also when it is null in the record.',
    again_roads Array(String) COMMENT 'Empty also when it is null in the record.',
    again_at_lat Nullable(Float64),
    again_at_lon Nullable(Float64),
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
CREATE TABLE IF NOT EXISTS ingestion.nested
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    home_city String,
    home_floor Nullable(Int64),
    home_tags Array(String),
    home_roads Array(String),
    home_at_lat Float64,
    home_at_lon Float64,
    stop_city Nullable(String),
    stop_floor Nullable(Int64),
    stop_tags Array(String),
    stop_roads Array(String),
    stop_at_lat Nullable(Float64),
    stop_at_lon Nullable(Float64),
    again_city Nullable(String),
    again_floor Nullable(Int64),
    again_tags Array(String),
    again_roads Array(String),
    again_at_lat Nullable(Float64),
    again_at_lon Nullable(Float64),
    _topic LowCardinality(String),
    _partition UInt64,
    _offset UInt64,
    _timestamp_ms Nullable(DateTime64(3, 'UTC')),
    _key String,
    _error String,
    _raw_message String
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.nested_current TO cases.nested AS
SELECT
    id,
    made_at,
    home_city,
    home_floor,
    home_tags,
    home_roads,
    home_at_lat,
    home_at_lon,
    stop_city,
    stop_floor,
    stop_tags,
    stop_roads,
    stop_at_lat,
    stop_at_lon,
    again_city,
    again_floor,
    again_tags,
    again_roads,
    again_at_lat,
    again_at_lon,
    toUInt64(least(greatest(toUnixTimestamp64Micro(made_at), 0), 72057594037927935)) AS version,
    _topic,
    _partition,
    _offset
FROM ingestion.nested
WHERE _error = '';

-- What could not be decoded is kept: bytes, place, reason.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.nested_errors TO ingestion.errors AS
SELECT
    _topic AS topic,
    _partition AS partition,
    _offset AS offset,
    ifNull(_timestamp_ms, toDateTime64(0, 3, 'UTC')) AS at,
    _key AS key,
    _raw_message AS raw,
    _error AS reason,
    if(_error LIKE '%while fetching schema%' AND _error NOT LIKE '%HTTP status code: 404%', 'transient', 'poison') AS class
FROM ingestion.nested
WHERE _error != '';

-- How many records arrived in each minute, and how long they took.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.nested_arrivals TO ingestion.arrivals AS
WITH toFloat64(greatest(dateDiff('millisecond', assumeNotNull(_timestamp_ms), now64(3)), 0)) AS delay
SELECT
    'nested' AS stream,
    toStartOfMinute(now('UTC')) AS minute,
    count() AS messages,
    countIf(delay > 600) AS late,
    quantilesTDigestState(0.5, 0.95, 0.99)(delay) AS delays,
    toUInt64(600) AS promised_ms
FROM ingestion.nested
WHERE _error = '' AND isNotNull(_timestamp_ms)
GROUP BY stream, minute;

-- Reads nested_topic; its group keeps the place.
CREATE TABLE IF NOT EXISTS ingestion.nested_queue
(
    id Int64,
    made_at DateTime64(6, 'UTC'),
    `home.city` String,
    `home.floor` Nullable(Int64),
    `home.tags` Array(String),
    `home.roads` Array(String),
    `home.at.lat` Float64,
    `home.at.lon` Float64,
    `stop.Stop.city` Nullable(String),
    `stop.Stop.floor` Nullable(Int64),
    `stop.Stop.tags` Array(String),
    `stop.Stop.roads` Array(String),
    `stop.Stop.at.lat` Nullable(Float64),
    `stop.Stop.at.lon` Nullable(Float64),
    `again.Place.city` Nullable(String),
    `again.Place.floor` Nullable(Int64),
    `again.Place.tags` Array(String),
    `again.Place.roads` Array(String),
    `again.Place.at.lat` Nullable(Float64),
    `again.Place.at.lon` Nullable(Float64)
)
ENGINE = Kafka
SETTINGS
    kafka_broker_list = '${kafka_brokers}',
    kafka_topic_list = 'nested_topic',
    kafka_group_name = 'contractline_nested',
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
CREATE MATERIALIZED VIEW IF NOT EXISTS ingestion.nested_feed TO ingestion.nested AS
SELECT
    id,
    made_at,
    `home.city` AS home_city,
    `home.floor` AS home_floor,
    `home.tags` AS home_tags,
    `home.roads` AS home_roads,
    `home.at.lat` AS home_at_lat,
    `home.at.lon` AS home_at_lon,
    `stop.Stop.city` AS stop_city,
    `stop.Stop.floor` AS stop_floor,
    `stop.Stop.tags` AS stop_tags,
    `stop.Stop.roads` AS stop_roads,
    `stop.Stop.at.lat` AS stop_at_lat,
    `stop.Stop.at.lon` AS stop_at_lon,
    `again.Place.city` AS again_city,
    `again.Place.floor` AS again_floor,
    `again.Place.tags` AS again_tags,
    `again.Place.roads` AS again_roads,
    `again.Place.at.lat` AS again_at_lat,
    `again.Place.at.lon` AS again_at_lon,
    _topic,
    _partition,
    _offset,
    _timestamp_ms,
    _key,
    _error,
    _raw_message
FROM ingestion.nested_queue;
