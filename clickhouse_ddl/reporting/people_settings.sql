-- What may be set about people: change it here, review it, `contractline apply tables`.
--
-- match_by_name: 1 lets the name of an author find a person where one person alone has that name; with
-- 0 only a verified identity of the kind name does.
-- smallest_age_band: fewer people than this are never a band of their own.
CREATE OR REPLACE VIEW reporting.people_settings AS
SELECT
    0 AS match_by_name,
    3 AS smallest_age_band
COMMENT 'What may be set about people: matching by name, and the smallest age band.';
