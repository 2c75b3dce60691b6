-- Commits that a forced push left behind: no branch that is read holds them any more. One that was
-- read from a branch again since, because it came back or was merged, is not shown.
CREATE OR REPLACE VIEW reporting.unreachable_commits AS
SELECT
    commit.repository AS repository,
    commit.commit_id AS commit_id,
    commit.author AS author,
    commit.author_email AS author_email,
    commit.committed_at AS committed_at,
    commit.commit_message AS commit_message,
    commit.additions AS additions,
    commit.deletions AS deletions,
    mark.ref AS ref,
    mark.before AS before,
    mark.after AS after,
    mark.noticed_at AS noticed_at
FROM github.commits AS commit FINAL
INNER JOIN (SELECT * FROM github.unreachable_commits FINAL) AS mark
    ON mark.repository = commit.repository AND mark.commit_id = commit.commit_id
WHERE commit.produced_at < mark.noticed_at
    AND (commit.repository, commit.commit_id) IN
        (SELECT repository, commit_id FROM github.unreachable_commits)
COMMENT 'Commits that a forced push left behind: no branch that is read holds them any more.';
