-- Every author and co-author as commits spell them, with the person and the machine behind each, found
-- anew with each query: the first candidate that reporting.identity_keys knows names the person.
CREATE OR REPLACE VIEW reporting.resolved_authors AS
SELECT
    candidate.login AS login,
    candidate.email AS email,
    candidate.name AS name,
    argMinIf(known.user_name, candidate.rank, known.user_name != '') AS user_name,
    ifNull(nullIf(argMinIf(candidate.matched_by, candidate.rank, known.user_name != ''), ''), 'nobody') AS matched_by,
    argMinIf(
        multiIf(
            candidate.matched_by = 'name', if(known.verified, 'likely', 'guess'),
            known.verified, 'certain', 'likely'),
        candidate.rank,
        known.user_name != '') AS match_certainty,
    (SELECT groupArray(name) FROM reporting.machine_rules)[multiMatchAnyIndex(
        lowerUTF8(concat(candidate.login, ' ', candidate.name, ' <', candidate.email, '>')),
        (SELECT groupArray(pattern) FROM reporting.machine_rules))] AS bot,
    bot IN (SELECT name FROM reporting.machine_rules WHERE kind = 'assistant') AS is_assistant,
    multiIf(
        user_name != '', concat('user ', user_name),
        candidate.email != '', concat('email ', lowerUTF8(candidate.email)),
        concat('name ', lowerUTF8(candidate.name))) AS person
FROM
(
    SELECT
        author.login AS login,
        author.email AS email,
        author.name AS name,
        lowerUTF8(author.email) AS lower_email,
        lowerUTF8(author.name) AS lower_name,
        arrayJoin([
            (1, 'login', 'login', lowerUTF8(author.login)),
            (2, 'email_login', 'login', email_login.login.2),
            (3, 'identity', 'verified address', lower_email),
            (4, 'noreply', 'login', extract(lower_email, '^(?:[0-9]+\\+)?([^@+]+)@users\\.noreply\\.github\\.com$')),
            (5, 'noreply', 'noreply', lower_email),
            (6, 'email', 'email', lower_email),
            (7, 'mailmap', 'mailmap', concat(lower_name, ' <', lower_email, '>')),
            (8, 'mailmap', 'mailmap', lower_email),
            (9, 'name', 'name', lower_name)
        ]) AS parts,
        parts.1 AS rank,
        parts.2 AS matched_by,
        parts.3 AS kind,
        parts.4 AS identity
    FROM reporting.author_spellings AS author FINAL
    LEFT ANY JOIN (SELECT email, login FROM reporting.email_logins FINAL) AS email_login
        ON email_login.email = lowerUTF8(author.email)
) AS candidate
LEFT ANY JOIN reporting.identity_keys AS known
    ON known.kind = candidate.kind AND known.identity = candidate.identity AND candidate.identity != ''
GROUP BY login, email, name
SETTINGS join_use_nulls = 0
COMMENT 'Every author and co-author as commits spell them, and who it is, found anew with each query.';
