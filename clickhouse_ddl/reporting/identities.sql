-- Whose a login, an address or a name is, in lower case. Two spellings of one identity are one.
CREATE OR REPLACE VIEW reporting.identities AS
SELECT
    known.kind AS kind,
    lowerUTF8(known.identity) AS identity,
    argMax(known.user_name, known.version) AS user_name
FROM github.identities AS known FINAL
GROUP BY kind, identity
COMMENT 'Whose a login, an address or a name is, in lower case.';
