-- Where each commit came from: what read it, and the place of its message in Kafka. Read with a
-- condition on repository, committed_at and commit_id, it finds a commit by the table's key.
CREATE OR REPLACE VIEW reporting.commit_origins AS
SELECT
    repository,
    committed_at,
    commit_id,
    substringUTF8(splitByChar('\n', substring(commit_message, 1, 2000))[1], 1, 200) AS subject,
    source,
    authored_at,
    produced_at,
    _topic AS topic,
    _partition AS partition,
    _offset AS offset
FROM github.commits FINAL
COMMENT 'Where each commit came from: what read it, and the place of its message in Kafka.';
