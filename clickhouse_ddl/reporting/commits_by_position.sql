-- Commits of each day and repository, by the position of today and by the position at the time.
CREATE OR REPLACE VIEW reporting.commits_by_position AS
SELECT
    commit_date,
    repository,
    position,
    position_at_commit,
    is_assumed,
    count() AS commits,
    uniqExactIf(user_name, user_name != '') AS people,
    sum(ifNull(additions, 0)) AS additions,
    sum(ifNull(deletions, 0)) AS deletions
FROM reporting.commits_by_time
GROUP BY commit_date, repository, position, position_at_commit, is_assumed
COMMENT 'Commits of each day and repository, by the position of today and by the position at the time.';
