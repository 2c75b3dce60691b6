-- Who wrote each commit: found by login, else by email address, else by noreply address, else by
-- name, upper and lower case alike. user_name is empty where nobody is known.
CREATE OR REPLACE VIEW reporting.people AS
SELECT
    commit.repository AS repository,
    commit.commit_id AS commit_id,
    commit.committed_at AS committed_at,
    commit.commit_date AS commit_date,
    commit.additions AS additions,
    commit.deletions AS deletions,
    multiIf(
        by_login.user_name != '', by_login.user_name,
        by_email.user_name != '', by_email.user_name,
        by_noreply.user_name != '', by_noreply.user_name,
        by_name.user_name) AS user_name,
    multiIf(
        by_login.user_name != '', 'login',
        by_email.user_name != '', 'email',
        by_noreply.user_name != '', 'noreply',
        by_name.user_name != '', 'name',
        'nobody') AS matched_by
FROM github.commits AS commit FINAL
LEFT ANY JOIN (SELECT identity, user_name FROM reporting.identities WHERE kind = 'login') AS by_login
    ON by_login.identity = lowerUTF8(ifNull(commit.author_login, ''))
LEFT ANY JOIN (SELECT identity, user_name FROM reporting.identities WHERE kind = 'email') AS by_email
    ON by_email.identity = lowerUTF8(commit.author_email)
LEFT ANY JOIN (SELECT identity, user_name FROM reporting.identities WHERE kind = 'noreply') AS by_noreply
    ON by_noreply.identity = lowerUTF8(commit.author_email)
LEFT ANY JOIN (SELECT identity, user_name FROM reporting.identities WHERE kind = 'name') AS by_name
    ON by_name.identity = lowerUTF8(commit.author)
SETTINGS join_use_nulls = 0
COMMENT 'Who wrote each commit; user_name is empty where nobody is known.';
