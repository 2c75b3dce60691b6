-- Which tables have changed: an insert raises the table's block, a mutation its version. Reading
-- this is cheap, so the live page does it ten times a second to know when to ask again.
CREATE OR REPLACE VIEW reporting.changes AS
SELECT
    part.database AS database,
    part.table AS table,
    max(part.max_block_number) AS block,
    max(part.data_version) AS version
FROM system.parts AS part
WHERE part.active
    AND (part.database IN ('github', 'ingestion') OR (part.database = 'reporting' AND part.table = 'kept_credits'))
GROUP BY part.database, part.table
COMMENT 'Changes whenever a table does; for who waits for something new.';
