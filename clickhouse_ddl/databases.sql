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
    resolved_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When its row was put into the stream after all; null while it is open.',
    revision UInt64 COMMENT 'Which decision is later: 0 on arrival, then microseconds since 1970.'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (topic, partition, offset, at)
COMMENT 'Messages that could not be decoded, kept with everything that a second try needs.';
