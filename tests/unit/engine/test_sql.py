from __future__ import annotations

import pytest

from contractline.engine.errors import Code, QueryFailed
from contractline.engine.sql import Kind, parse, tokens


def words(text: bytes) -> list[str]:
    return [token.text for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"SELECT 1 -- one\n, 2", ["SELECT", "1", ",", "2"]),
        (b"SELECT /* a /* nested */ b */ 1", ["SELECT", "1"]),
        (b"select 'it''s', 'a\\'b'", ["SELECT", "'it''s'", ",", "'a\\'b'"]),
        (b"SELECT $x$ ; 'a $x$", ["SELECT", "$x$ ; 'a $x$"]),
        (b'SELECT `a;b` FROM "c;d"', ["SELECT", "`a;b`", "FROM", '"c;d"']),
        (b"SELECT 1 # rest", ["SELECT", "1"]),
        (b"SELECT /* open", ["SELECT"]),
        (b"", []),
    ],
)
def test_tokens_leave_out_comments_and_keep_literals_whole(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"SELECT 1", Kind.ROWS),
        (b"  -- first\n/* second */ select 1;", Kind.ROWS),
        (b"(SELECT 1) UNION ALL (SELECT 2)", Kind.ROWS),
        (b"WITH 1 AS x SELECT x", Kind.ROWS),
        (b"WITH insert AS (SELECT 1) SELECT * FROM insert", Kind.ROWS),
        (b"FROM t SELECT a", Kind.ROWS),
        (b"SHOW TABLES", Kind.FEW_ROWS),
        (b"EXPLAIN SELECT 1", Kind.FEW_ROWS),
        (b"KILL QUERY WHERE 1", Kind.FEW_ROWS),
        (b"CREATE TABLE t (a Int8) ENGINE = Memory", Kind.OTHER),
        (b"INSERT INTO t SELECT 1", Kind.OTHER),
        (b"INSERT INTO t VALUES (1)", Kind.DATA),
        (b"INSERT INTO t FORMAT CSV\n1", Kind.DATA),
        (b"WITH 1 AS x INSERT INTO t FORMAT CSV\n1", Kind.DATA),
        (b"SET max_threads = 1", Kind.OTHER),
    ],
)
def test_kind(text, kind):
    assert parse(text).kind is kind


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        (b"SET max_threads = 1", True),
        (b"USE system", True),
        (b"CREATE TEMPORARY TABLE t (a Int8)", True),
        (b"CREATE OR REPLACE TEMPORARY TABLE t (a Int8)", True),
        (b"CREATE TABLE t (a Int8) ENGINE = Memory", False),
        (b"SELECT 1", False),
    ],
)
def test_what_stays_in_a_session(text, keeps):
    assert parse(text).keeps is keeps


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format JSONEachRow;", "JSONEachRow"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        (b"SELECT 1 SETTINGS max_threads = 1 FORMAT CSV", "CSV"),
        (b"SELECT format FROM t", None),
        (b"SELECT 1 AS format", None),
        (b"SELECT 1 AS format SETTINGS max_threads = 1", None),
        (b"SELECT format('{}', 1)", None),
        (b"SELECT t.format x FROM t", None),
        (b"SELECT (SELECT 1 FORMAT JSON)", None),
        (b"DESCRIBE TABLE t FORMAT TSV", "TSV"),
    ],
)
def test_format_of_an_answer(text, name):
    assert parse(text).format == name


def test_an_answer_goes_to_a_file():
    statement = parse(b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1;")
    sql = statement.answering_into("/dev/fd/7", "TSV")
    assert b" ".join(sql.split()) == (
        b"SELECT 1 INTO OUTFILE '/dev/fd/7' TRUNCATE FORMAT CSV SETTINGS max_threads = 1"
    )


def test_an_error_does_not_show_the_file():
    statement = parse(b"SELECT (")
    sql = statement.answering_into("/dev/fd/7", "TSV").decode()
    assert statement.without_file(f"near: {sql}", "/dev/fd/7", "TSV") == "near: SELECT ("


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2\n", b"1,2\n"),
        (b"INSERT INTO t FORMAT CSV \r\n1,2\n", b"1,2\n"),
        (b"INSERT INTO t FORMAT JSONEachRow {}", b"{}"),
        (b"INSERT INTO t FORMAT TSV\n\n", b"\n"),
        (b"INSERT INTO t FORMAT Native\n\x00\xff'", b"\x00\xff'"),
        (b"INSERT INTO t FORMAT TSV", b""),
        (b"INSERT INTO t (a, b) VALUES (1, 'x;'), (2, 'y')", b" (1, 'x;'), (2, 'y')"),
        (b"INSERT INTO db.values VALUES (1)", b" (1)"),
        (b"INSERT INTO t FORMAT Values (1)", b"(1)"),
        (b"INSERT INTO t SETTINGS async_insert = 1 FORMAT TSV\n1", b"1"),
    ],
)
def test_where_the_data_starts(text, data):
    statement = parse(text)
    assert text[statement.data_at :] == data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            b"INSERT INTO t (a) FORMAT CSV\n1",
            b"INSERT INTO t (a) FROM INFILE '/f' COMPRESSION 'none' FORMAT CSV",
        ),
        (
            b"INSERT INTO t SETTINGS x = 1 FORMAT CSV\n1",
            b"INSERT INTO t FROM INFILE '/f' COMPRESSION 'none' SETTINGS x = 1 FORMAT CSV",
        ),
        (
            b"INSERT INTO t VALUES (1)",
            b"INSERT INTO t FROM INFILE '/f' COMPRESSION 'none' FORMAT Values",
        ),
        (
            b"INSERT INTO t SELECT a + 1 FROM input('a Int8') WHERE a > 1 FORMAT CSV\n1",
            b"INSERT INTO t SELECT a + 1 FROM file('/f', 'CSV', 'a Int8') WHERE a > 1",
        ),
        (
            b"INSERT INTO t SELECT format FROM input ( 'format Int8' ) FORMAT CSV\n1",
            b"INSERT INTO t SELECT format FROM file('/f', 'CSV', 'format Int8' )",
        ),
    ],
)
def test_data_comes_from_a_file(text, expected):
    assert b" ".join(parse(text).reading("/f").split()) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", Code.SYNTAX_ERROR),
        (b" -- nothing", Code.SYNTAX_ERROR),
        (b"SELECT 1; SELECT 2", Code.SYNTAX_ERROR),
        (b"SET a = 1; DROP TABLE t", Code.SYNTAX_ERROR),
        (b"INSERT INTO t SELECT 1; DROP TABLE t", Code.SYNTAX_ERROR),
        (b"SELECT 1 INTO OUTFILE '/etc/x'", Code.INTO_OUTFILE_NOT_ALLOWED),
        (b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", Code.QUERY_IS_PROHIBITED),
    ],
)
def test_refused(text, code):
    with pytest.raises(QueryFailed) as refused:
        parse(text)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "text", [b"SELECT 1;", b"SELECT 1 ; ;", b"SELECT ';'", b"SELECT 1; -- end", b"SET a = ';'"]
)
def test_one_statement_may_end_with_a_semicolon(text):
    parse(text)
