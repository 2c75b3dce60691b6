-- The databases, and what all streams share.

-- Tables of the streams.
CREATE DATABASE IF NOT EXISTS github;

-- Queues, the views behind them, and errors. Nobody reads from here but the machinery.
CREATE DATABASE IF NOT EXISTS ingestion;

-- Views that people query.
CREATE DATABASE IF NOT EXISTS reporting;

-- Every message that could not be decoded. It arrives with revision 0; each later decision about it
-- is a row with a higher one. Read it with FINAL.
CREATE TABLE IF NOT EXISTS ingestion.errors
(
    topic LowCardinality(String) COMMENT 'Topic of the message.',
    partition UInt64 COMMENT 'Its partition.',
    offset UInt64 COMMENT 'Its offset there.',
    at DateTime64(3, 'UTC') COMMENT 'When it was produced, by Kafka\'s timestamp.',
    key String COMMENT 'Bytes of its key.',
    raw String COMMENT 'Bytes of its value.',
    reason String COMMENT 'Why it could not be decoded, in the words of the engine.',
    class LowCardinality(String) COMMENT 'transient: its schema could not be fetched; poison: it can\'t be read as it is.',
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When its row was put into the stream after all, or when it was dismissed; null while it is open.',
    revision UInt64 COMMENT 'Which decision is later: 0 on arrival, then microseconds since 1970.',
    dismissed_by LowCardinality(String) COMMENT 'Who dismissed it; empty when nobody did.',
    dismissed_because String COMMENT 'Why it was dismissed.'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (topic, partition, offset, at)
COMMENT 'Messages that could not be decoded, kept with everything that a second try needs.';

-- How many records of each stream arrived in each minute, and how long they were on their way: from
-- Kafka's timestamp, or from the commit in PostgreSQL. Add up and merge what you read.
CREATE TABLE IF NOT EXISTS ingestion.arrivals
(
    stream LowCardinality(String) COMMENT 'Stream of the records.',
    minute DateTime('UTC') COMMENT 'Minute in which ClickHouse stored them.',
    messages SimpleAggregateFunction(sum, UInt64) COMMENT 'How many.',
    late SimpleAggregateFunction(sum, UInt64) COMMENT 'How many took longer than the contract promises.',
    delays AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float64) COMMENT 'How many milliseconds they took: the state of quantiles.',
    promised_ms SimpleAggregateFunction(max, UInt64) COMMENT 'How many milliseconds the contract promised then.'
)
ENGINE = AggregatingMergeTree
ORDER BY (stream, minute)
TTL minute + INTERVAL 90 DAY
COMMENT 'How many records arrived in each minute, and how long they were on their way; kept for 90 days.';

-- What `contractline watch` measured of the quality rules of the contracts: a row a rule and time.
CREATE TABLE IF NOT EXISTS ingestion.quality_results
(
    stream LowCardinality(String) COMMENT 'Stream that the rule is about.',
    rule LowCardinality(String) COMMENT 'Name of the rule in the contract.',
    at DateTime64(3, 'UTC') COMMENT 'When it was measured.',
    state LowCardinality(String) COMMENT 'holds; fails; unknown: it could not be measured.',
    value Nullable(Float64) COMMENT 'What was measured; null when it could not be.',
    expected LowCardinality(String) COMMENT 'What the contract said then that it must be.',
    unit LowCardinality(String) COMMENT 'What was counted, such as rows or percent.',
    dimension LowCardinality(String) COMMENT 'Which side of quality it is about; empty when nobody says.',
    severity LowCardinality(String) COMMENT 'How bad it is that it fails; empty when nobody says.',
    problem String COMMENT 'Why it could not be measured; empty otherwise.'
)
ENGINE = MergeTree
ORDER BY (stream, rule, at)
TTL toDateTime(at) + INTERVAL 90 DAY
COMMENT 'Results of the quality rules of the contracts, kept for 90 days.';
