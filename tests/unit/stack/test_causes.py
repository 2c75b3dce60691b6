"""Likely causes in words, from lines that the services really write."""

from __future__ import annotations

import pytest

from contractline.stack.causes import likely_cause

ENDED = "it ended by itself (exit code 1)"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("java.net.BindException: Address already in use", "port"),
        ('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', "port"),
        ("Port 18081 seems to be in use by another process: Address already in use", "port"),
        ("java.io.IOException: No space left on device", "disk is full"),
        ('FATAL:  could not write to file "pg_wal/x": No space left on device', "disk is full"),
        ("java.lang.UnsupportedClassVersionError: kafka/Kafka has been compiled by a", "Java"),
        ("Unrecognized VM option 'UseCompactObjectHeaders'", "Java"),
        ("java.lang.OutOfMemoryError: Java heap space", "memory"),
        (
            "OpenJDK 64-Bit Server VM warning: os::commit_memory failed; Cannot allocate memory",
            "me",
        ),
        ("FATAL:  database files are incompatible with server", "another version"),
        ("The data directory was initialized by PostgreSQL version 17", "another version"),
        ("InconsistentClusterIdException: Invalid cluster.id in: meta.properties", "another"),
        ('PANIC:  could not read file "global/pg_control": read 100 of 296', "damaged"),
        ("FATAL:  incorrect checksum in control file", "damaged"),
        ('FATAL:  password authentication failed for user "postgres"', "another password"),
        ("java.nio.file.AccessDeniedException: /data/kafka/.lock", "not accessible"),
        ('FATAL:  could not open file "postgresql.conf": Permission denied', "not accessible"),
        ('FATAL:  lock file "postmaster.pid" already exists', "another process"),
        ("Failed to acquire lock on file .lock in /d. A Kafka instance in another", "another pro"),
        ("Error: Could not find or load main class kafka.Kafka", "missing or damaged"),
        ("java.net.ConnectException: Connection refused", "did not answer"),
    ],
)
def test_a_known_line_has_a_cause(line: str, word: str):
    assert word in likely_cause(["started", line, "stopped"], ENDED)


def test_otherwise_it_says_how_it_ended():
    assert likely_cause(["all is well"], ENDED) == ENDED
    listed = "jvm.args = -XX:+UseSerialGC, -XX:+ExitOnOutOfMemoryError"
    assert likely_cause([listed], ENDED) == ENDED
