-- Messages that could not be decoded and wait for a decision; without their bytes.
CREATE OR REPLACE VIEW reporting.open_errors AS
SELECT
    topic,
    partition,
    offset,
    at,
    class,
    reason,
    length(raw) AS bytes
FROM ingestion.errors FINAL
WHERE isNull(resolved_at)
COMMENT 'Messages that could not be decoded and wait for a decision; without their bytes.';
