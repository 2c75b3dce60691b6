-- Whose a login, an address or a name is, in lower case. Of two spellings of one identity a verified
-- row counts, else the later one.
CREATE OR REPLACE VIEW reporting.identities AS
SELECT
    known.kind AS kind,
    lowerUTF8(known.identity) AS identity,
    argMax(known.user_name, (known.verified, known.version)) AS user_name,
    max(known.verified) AS verified
FROM github.identities AS known FINAL
GROUP BY kind, identity
COMMENT 'Whose a login, an address or a name is, in lower case.';
