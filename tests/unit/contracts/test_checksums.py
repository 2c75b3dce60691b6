from __future__ import annotations

import hashlib

from contractline.contracts.checksums import Sums, digest, written

EMPTY = hashlib.sha256().hexdigest()


def test_what_is_written_is_read():
    text = written({"key.v1.avsc": digest(b""), "value.v1.avsc": digest(b"x")})
    assert text.splitlines()[0] == f"{EMPTY}  key.v1.avsc"
    sums = Sums.parse(text)
    assert list(sums.digests) == ["key.v1.avsc", "value.v1.avsc"]
    assert sums.bad_lines == ()
    assert sums.lines == {"key.v1.avsc": 1, "value.v1.avsc": 2}


def test_lines_that_are_no_records_keep_their_numbers():
    text = f"# comment\n{EMPTY} *a\n{EMPTY}  a\n{EMPTY.upper()}  b\n\n{EMPTY}  ../c\n{EMPTY}  d\n"
    sums = Sums.parse(text)
    assert sums.digests == {"a": EMPTY, "d": EMPTY}
    assert sums.bad_lines == (1, 3, 4, 5, 6)
    assert sums.lines == {"a": 2, "d": 7}
