"""What waits on disk, and what is remembered of the rest."""

from __future__ import annotations

import stat

import pytest

from producer.webhook import store as module
from producer.webhook.store import Store, StoreUnusable


def test_what_is_kept_outlives_the_process_until_it_is_acknowledged(tmp_path):
    file = tmp_path / "a" / "queue.sqlite"
    first = Store(file)
    first.keep("one", b"1")
    first.keep("two", b"2")
    first.keep("one", b"again")
    first.acknowledge(["two", "three"])
    # No close: a process that is killed does not close either.
    second = Store(file)
    assert [(kept.id, kept.body) for kept in second.waiting(9)] == [("one", b"1")]
    assert second.waiting_count() == 1
    assert [second.is_acknowledged(i) for i in ("one", "two", "three")] == [False, True, True]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first.close()
    second.close()


def test_only_so_many_ids_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "KEPT_IDS", 5)
    monkeypatch.setattr(module, "_TRIM_EVERY", 10)
    store = Store(tmp_path / "queue.sqlite")
    for number in range(30):
        store.acknowledge([str(number)])
    assert [n for n in range(30) if store.is_acknowledged(str(n))] == [25, 26, 27, 28, 29]
    store.close()


def test_a_file_that_is_no_database_is_an_error_in_words(tmp_path):
    file = tmp_path / "queue.sqlite"
    file.write_bytes(b"something else, and long enough to be looked at" * 100)
    with pytest.raises(StoreUnusable, match=r"queue\.sqlite: can't keep deliveries there"):
        Store(file)
    with pytest.raises(StoreUnusable):
        Store(file / "below")
