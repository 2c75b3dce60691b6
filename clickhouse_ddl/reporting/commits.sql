-- Every commit once: the most complete record of it.
CREATE OR REPLACE VIEW reporting.commits AS
SELECT * EXCEPT (version, _topic, _partition, _offset)
FROM github.commits FINAL
COMMENT 'Every commit once: the most complete record of it.';
