-- What finds a person: a login, an address (verified ones apart from others), an entry of a mailmap,
-- and a name where it is verified or, if the settings allow it, where one person alone has it.
CREATE OR REPLACE VIEW reporting.identity_keys AS
SELECT kind, identity, user_name, CAST(verified, 'Bool') AS verified
FROM
(
    SELECT kind, identity, user_name, verified
    FROM reporting.identities
    WHERE kind IN ('login', 'mailmap') OR (kind IN ('email', 'noreply') AND NOT verified)
    UNION ALL
    SELECT
        'verified address' AS kind,
        address.identity AS identity,
        argMin(address.user_name, address.kind) AS user_name,
        true AS verified
    FROM reporting.identities AS address
    WHERE address.kind IN ('email', 'noreply') AND address.verified
    GROUP BY identity
    UNION ALL
    SELECT
        'name' AS kind,
        named.lower_name AS identity,
        argMax(named.user_name, named.verified) AS user_name,
        max(named.verified) AS verified
    FROM
    (
        SELECT identity AS lower_name, user_name, verified
        FROM reporting.identities
        WHERE kind = 'name'
        UNION ALL
        SELECT lowerUTF8(user_name) AS lower_name, user_name, false AS verified
        FROM github.users FINAL
    ) AS named
    GROUP BY identity
    HAVING verified OR (uniqExact(named.user_name) = 1 AND (SELECT match_by_name FROM reporting.people_settings) = 1)
) AS keys
COMMENT 'What finds a person: logins, addresses, entries of a mailmap, names.';
