-- Every author and co-author as commits spell them, with the person and the machine behind each.
CREATE OR REPLACE VIEW reporting.authors AS
SELECT
    author_key,
    login,
    email,
    name,
    user_name,
    matched_by,
    match_certainty,
    bot,
    is_assistant,
    person
FROM reporting.credits
WHERE since = fromUnixTimestamp64Micro(toInt64(-62135596800000000), 'UTC')
COMMENT 'Every author and co-author as commits spell them, and who it is.';
