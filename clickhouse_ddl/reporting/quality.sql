-- The newest result of each quality rule. A rule that its contract holds no longer leaves after a week.
CREATE OR REPLACE VIEW reporting.quality AS
SELECT
    stream,
    rule,
    at,
    state,
    value,
    expected,
    unit,
    dimension,
    severity,
    problem
FROM ingestion.quality_results
WHERE at > now() - INTERVAL 7 DAY
ORDER BY stream, rule, at DESC
LIMIT 1 BY stream, rule
COMMENT 'The newest result of each quality rule of the contracts.';
