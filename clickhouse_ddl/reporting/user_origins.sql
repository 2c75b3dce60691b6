-- Where the newest state of each person came from, and each change of it: the place of its message in
-- Kafka. Birth dates stay behind. The column since is that of reporting.user_periods.
CREATE OR REPLACE VIEW reporting.user_origins AS
SELECT
    user_name,
    team,
    position,
    op,
    updated_at,
    changed_at,
    _topic AS topic,
    _partition AS partition,
    _offset AS offset
FROM github.users FINAL
COMMENT 'Where the newest state of each person came from: the place of its message in Kafka.';

CREATE OR REPLACE VIEW reporting.user_change_origins AS
SELECT
    user_name,
    if(
        is_deleted = 1 OR isNull(valid_from),
        toDateTime64(changed_at, 6, 'UTC'),
        toDateTime64(assumeNotNull(valid_from), 6, 'UTC')) AS since,
    team,
    position,
    op,
    changed_at,
    _topic AS topic,
    _partition AS partition,
    _offset AS offset
FROM github.users_history FINAL
COMMENT 'Where each change of a person came from: the place of its message in Kafka.';
