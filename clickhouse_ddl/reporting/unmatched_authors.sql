-- Authors of whom nobody is known, the most frequent first: how many commits, which users it may be and
-- why, and for each the statement for PostgreSQL that settles it. Bots are left out. A user is likely
-- when the name, the login or the address before its @ has the words of the user's name, or of what is
-- known of the user, in whatever order, or nearly so (Jaro-Winkler similarity of at least 0.9 and three
-- first letters alike).
CREATE OR REPLACE VIEW reporting.unmatched_authors AS
SELECT
    author.login AS login,
    author.email AS email,
    author.name AS name,
    author.commits AS commits,
    author.repositories AS repositories,
    author.last_commit AS last_commit,
    arrayFilter(user -> user != '', arrayMap(guess -> guess.2, likely.guesses)) AS likely_users,
    arrayMap(guess -> guess.3, likely.guesses) AS reasons,
    arrayMap(
        user -> concat(
            'INSERT INTO public.github_identities (kind, identity, user_name) VALUES (''',
            multiIf(author.login != '', 'login', author.email != '', 'email', 'name'), ''', ''',
            replaceAll(lowerUTF8(multiIf(
                author.login != '', author.login, author.email != '', author.email, author.name)), '''', ''''''),
            ''', ''', replaceAll(user, '''', ''''''), ''') ON CONFLICT (kind, identity)',
            ' DO UPDATE SET user_name = excluded.user_name, verified = true;'),
        likely_users) AS settled_by
FROM
(
    SELECT
        ifNull(author_login, '') AS login,
        author_email AS email,
        author AS name,
        count() AS commits,
        uniqExact(repository) AS repositories,
        max(committed_at) AS last_commit
    FROM reporting.commits_by_time
    WHERE user_name = '' AND NOT is_bot
    GROUP BY login, email, name
) AS author
LEFT ANY JOIN
(
    SELECT
        login,
        email,
        name,
        arraySlice(arrayReverseSort(groupArray((score, user_name, reason))), 1, 3) AS guesses
    FROM
    (
        SELECT
            clue.login AS login,
            clue.email AS email,
            clue.name AS name,
            alias.user_name AS user_name,
            max((
                jaroWinklerSimilarity(clue.words, alias.words),
                if(clue.words = alias.words, concat('same ', clue.source), concat('similar ', clue.source)))) AS best,
            best.1 AS score,
            best.2 AS reason
        FROM
        (
            SELECT
                spelling.login AS login,
                spelling.email AS email,
                spelling.name AS name,
                source_and_text.1 AS source,
                arrayStringConcat(arraySort(splitByRegexp('[^\\pL\\pN]+', source_and_text.2)), ' ') AS sorted,
                trim(sorted) AS words,
                substringUTF8(words, 1, 3) AS start
            FROM reporting.authors AS spelling
            ARRAY JOIN [
                ('name', lowerUTF8(spelling.name)),
                ('login', lowerUTF8(spelling.login)),
                ('address', extract(lowerUTF8(spelling.email), '^(?:[0-9]+\\+)?([^@]+)'))
            ] AS source_and_text
            WHERE spelling.user_name = '' AND spelling.bot = '' AND lengthUTF8(words) > 2
        ) AS clue
        INNER JOIN
        (
            SELECT DISTINCT
                known.user_name AS user_name,
                arrayStringConcat(arraySort(splitByRegexp('[^\\pL\\pN]+', known.text)), ' ') AS sorted,
                trim(sorted) AS words,
                substringUTF8(words, 1, 3) AS start
            FROM
            (
                SELECT user_name, lowerUTF8(user_name) AS text
                FROM github.users FINAL
                UNION ALL
                SELECT user_name, extract(identity, '^(?:[0-9]+\\+)?([^@<]+)') AS text
                FROM reporting.identities
            ) AS known
        ) AS alias
            ON alias.start = clue.start
        WHERE jaroWinklerSimilarity(clue.words, alias.words) >= 0.9
        GROUP BY login, email, name, user_name
    ) AS guess
    GROUP BY login, email, name
) AS likely
    ON likely.login = author.login AND likely.email = author.email AND likely.name = author.name
ORDER BY commits DESC, login, email, name
SETTINGS join_use_nulls = 0
COMMENT 'Authors of whom nobody is known: how many commits, who it may be, and what settles it.';
