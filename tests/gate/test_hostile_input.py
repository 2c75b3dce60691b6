"""Files that can't be read end in a finding with its place, or in exit code 2; never in a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from contractline.gate.reports import FORMATS
from contractline.settings import environment as said
from tests.fixtures.trees import record
from tests.gate.conftest import Checkout, emptied

SCHEMA = "contracts/clicks/value.avsc"
RELEASED = "contracts/clicks/versions/value.v1.avsc"
DOCUMENT = "contracts/clicks/contract.odcs.yaml"
WAIVER = "contracts/clicks/waivers/TOPIC_KEPT.yaml"
RECURSIVE = {
    "type": "record",
    "name": "Click",
    "namespace": "shop",
    "fields": [{"name": "next", "type": ["null", "Click"], "default": None, "doc": "x"}],
}


def broken(file):
    file.write_text('{"type": [')


def repeated(file):
    file.write_text(
        '{"type": "record", "type": "record"}' if "avsc" in file.name else "id: a\nid: b\n"
    )


def folder(file):
    file.unlink(missing_ok=True)
    file.mkdir()


def large(file):
    with file.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)


def binary(file):
    file.write_bytes(b"\xff\xfe\x00")


def loop(file):
    file.unlink(missing_ok=True)
    file.symlink_to(file.name)


def recursive(file):
    file.write_text(json.dumps(RECURSIVE))


def union_of_unions(file):
    file.write_text(json.dumps(RECURSIVE | {"fields": [{"name": "a", "type": [["null"], "int"]}]}))


def deep(file):
    file.write_text("[" * 100_000)


def many(file):
    fields = [{"name": f"f{n}", "type": "int", "default": 0, "doc": "x"} for n in range(5_000)]
    file.write_text(json.dumps(RECURSIVE | {"fields": fields}))


CASES = [
    *((name, spoil) for name in (SCHEMA, DOCUMENT) for spoil in (broken, repeated, folder, loop)),
    *((SCHEMA, spoil) for spoil in (large, binary, deep, recursive, union_of_unions, many)),
    *((RELEASED, spoil) for spoil in (broken, folder, large)),
    *((WAIVER, spoil) for spoil in (broken, folder, large, binary, loop, deep)),
    (DOCUMENT, large),
    (DOCUMENT, deep),
]


@pytest.mark.parametrize(("name", "spoil"), CASES)
def test_a_spoilt_file_is_a_finding_at_its_place(checkout, tmp_path, name, spoil):
    file = checkout.root / name
    file.parent.mkdir(exist_ok=True)
    spoil(file)
    written = {output: tmp_path / output for output in FORMATS}
    options = (
        option for output, path in written.items() for option in ("--write", f"{output}={path}")
    )
    code, out, err = checkout.contractline("check", *options)
    assert (code, err) == (1, "")
    assert name in out
    assert all(name in path.read_text() for path in written.values())


@pytest.mark.parametrize(("name", "spoil"), CASES)
def test_a_spoilt_file_at_the_base_keeps_nothing_back(checkout, name, spoil):
    good = checkout.git("rev-parse", "main")
    file = checkout.root / name
    file.parent.mkdir(exist_ok=True)
    spoil(file)
    spoilt = checkout.commit()
    checkout.git("switch", "--quiet", "--detach", spoilt)
    if file.is_dir():
        file.rmdir()
    checkout.git("rm", "--quiet", "--ignore-unmatch", name)
    checkout.git("checkout", good, "--", ".")
    code, out, err = checkout.contractline("check", "--against", spoilt)
    assert (code in (0, 1), err) == (True, "")
    assert f"against {spoilt[:7]}" in out


def test_sql_that_no_contract_gives(checkout):
    streams = checkout.root / "clickhouse_ddl/streams"
    (streams / "old.sql").mkdir()
    (streams / "binary.sql").write_bytes(b"\xff")
    code, out, err = checkout.contractline("check")
    assert (code, err) == (1, "")
    assert out.count("error TABLES_GENERATED: no contract gives this file") == 2
    assert out.splitlines()[-1].startswith("2 contracts against main (")


@pytest.mark.parametrize("name", ["old", "clicks"])
def test_sql_that_nobody_could_read_to_its_end(checkout, name):
    file = checkout.root / f"clickhouse_ddl/streams/{name}.sql"
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    code, out, err = checkout.contractline("check")
    assert (code, err) == (1, "")
    assert "error TABLES_GENERATED" in out


@pytest.mark.parametrize("spoil", [binary, os.mkfifo, lambda file: file.touch()])
def test_generated_sql_that_is_spoilt_is_written_anew(checkout, spoil):
    file = checkout.root / "clickhouse_ddl/streams/clicks.sql"
    text = file.read_text()
    file.unlink()
    spoil(file)
    code, out, err = checkout.contractline("generate", "tables", "--check")
    assert (code, "clicks.sql: differs from line 1 on" in out) == (1, True)
    code, out, err = checkout.contractline("generate", "tables")
    assert (code, out, err) == (0, "wrote clickhouse_ddl/streams/clicks.sql\n", "")
    assert file.read_text() == text


def test_no_contract_at_all(checkout):
    emptied(checkout.root / "contracts")
    code, out, err = checkout.contractline("check")
    assert (code, out) == (2, "")
    assert "holds no contract" in err


@pytest.mark.parametrize(
    "arguments", [["--format", "xml"], ["--write", "text"], ["--write", "x=y"]]
)
def test_a_format_that_is_not_there(checkout, arguments):
    code, _, err = checkout.contractline("check", *arguments)
    assert code == 2
    assert "formats" in err or "is not one of" in err


def test_a_file_that_cant_be_written(checkout):
    code, _, err = checkout.contractline("check", "--write", "json=/nowhere/report.json")
    assert code == 2
    assert "/nowhere/report.json" in err


FIELD = ['"fields": [', '"fields": [{"name": "extra", "doc": "What is odd.", %s},']
DATE = '"type": {"type": "int", "logicalType": "date"}'
FIXED = '"type": {"type": "fixed", "name": "F", "size": %s}'


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (["latest: made_at", "latest: nowhere"], "SINK_FIELD_EXISTS"),
        (["latest: made_at", 'latest: ""'], "SINK_FIELD_EXISTS"),
        (["value: 500", "value: -1"], "LATENCY_VALID"),
        (["value: 500", "value: 1e400"], "LATENCY_VALID"),
        ('"type": "string", "default": 1.5', "SCHEMA_VALID"),
        ('"type": "long", "default": true', "SCHEMA_VALID"),
        ('"type": "bytes", "default": "\u0100"', "SCHEMA_VALID"),
        ('"type": {"type": "int", "logicalType": []}', "SCHEMA_VALID"),
        ('"type": "int", "default": 0, "order": []', "SCHEMA_VALID"),
        (FIXED % 10**40, "SCHEMA_VALID"),
        (FIXED % (2**31 - 1), "VERSIONS_COMPATIBLE"),
        (f'{DATE}, "default": {2**31 - 1}', "WORKING_SCHEMA_RELEASED"),
        ('"type": "int", "default": 0}, {"name": "b", "type": "int", "doc": 1', "SCHEMA_VALID"),
    ],
)
def test_what_a_rule_speaks_against_keeps_no_other_back(checkout, edit, rule):
    if isinstance(edit, str):
        checkout.edit("clicks/value.avsc", [FIELD[0], FIELD[1] % edit])
    else:
        checkout.edit("clicks/contract.odcs.yaml", edit)
    # Also where the tables follow from it already.
    for released in (False, True):
        if released and isinstance(edit, str):
            folder = checkout.root / "contracts/clicks"
            shutil.copy(folder / "value.avsc", folder / "versions/value.v1.avsc")
            record(folder / "versions")
        code, out, err = checkout.contractline("check")
        assert (code, err) == (1, "")
        assert (f"error {rule}" in out) or released
    assert checkout.contractline("diff")[0] == 0
    assert "unexpected" not in checkout.contractline("generate", "--check")[2]


def process(
    checkout: Checkout,
    *arguments: str,
    stdout: int | IO[bytes] = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process, whose output has an encoding and an end of its own."""
    return subprocess.run(
        [sys.executable, "-m", "contractline", "--project", str(checkout.root), *arguments],
        env={**said(), **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize("output", FORMATS)
def test_a_name_that_is_no_text(checkout, tmp_path, output):
    shutil.copytree(checkout.root / "contracts/clicks", checkout.root / "contracts" / "caf\udce9")
    written = tmp_path / "report"
    done = process(checkout, "check", "--format", output, "--write", f"{output}={written}")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"FOLDER_NAME_IS_ID" in done.stdout
    assert b"FOLDER_NAME_IS_ID" in written.read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk here is full")
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_disk_that_is_full(checkout, output):
    with Path("/dev/full").open("wb") as full:
        done = process(checkout, "check", "--format", output, stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: No space left on device\nhint: ")
    assert done.stderr.count(b"\n") == 2


def test_a_terminal_that_lacks_a_sign(checkout):
    done = process(checkout, "check", "--format", "markdown", PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2705" in done.stdout


def test_contracts_alone_compare_nothing(checkout):
    assert checkout.contractline("check", "contracts", "--against", "main")[0] == 2
    assert checkout.contractline("check", "contracts", "--prove")[0] == 2
