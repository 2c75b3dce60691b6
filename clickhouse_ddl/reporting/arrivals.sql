-- How many records of each stream arrived in each minute, and how long they were on their way. Several
-- rows may belong to one minute: add messages and late up, and merge delays.
CREATE OR REPLACE VIEW reporting.arrivals AS
SELECT
    stream,
    minute,
    messages,
    late,
    delays,
    promised_ms
FROM ingestion.arrivals
COMMENT 'How many records of each stream arrived in each minute, and how long they were on their way.';
