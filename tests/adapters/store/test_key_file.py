from __future__ import annotations

import resource
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from loopwright.adapters.store.key_file import KeyFile
from loopwright.errors import StoreError, UsageError
from loopwright.ports import Key


def key(number: int) -> Key:
    return Key(f"id-{number}", f"name {number}", "ingest", f"{number:064x}", datetime(2026, 1, 1, tzinfo=UTC), 2.5, 1000)


def test_keys_are_kept_in_order_for_their_owner_alone(tmp_path: Path) -> None:
    ring = KeyFile(tmp_path / "new" / "keys.json")
    assert ring.keys() == ()

    ring.add(key(1))
    ring.add(key(2))

    assert list(KeyFile(ring.file).keys()) == [key(1), key(2)]
    assert ring.file.stat().st_mode & 0o777 == 0o600


def test_what_another_process_changes_is_seen(tmp_path: Path) -> None:
    seen = KeyFile(tmp_path / "keys.json")
    seen.keys()
    other = KeyFile(tmp_path / "keys.json")
    other.add(key(1))
    assert len(seen.keys()) == 1
    assert other.remove("id-1") == key(1)
    assert not seen.keys()
    seen.file.unlink()
    assert not seen.keys()


def test_a_key_that_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="loopwright keys lists them"):
        KeyFile(tmp_path / "keys.json").remove("x")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"key_id": "x"}]', "\x00"])
def test_a_damaged_file_opens_no_door(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)

    with pytest.raises(StoreError, match="cannot be read as keys"):
        KeyFile(tmp_path / "keys.json").keys()


def test_none_is_lost_where_several_add(tmp_path: Path) -> None:
    threads = [Thread(target=KeyFile(tmp_path / "keys.json").add, args=(key(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = KeyFile(tmp_path / "keys.json").keys()
    assert {one.key_id for one in kept} == {f"id-{number}" for number in range(8)}


def test_a_full_disk_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    ring = KeyFile(tmp_path / "keys.json")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            ring.add(key(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not ring.file.exists()  # an empty one would shut the server
    assert ring.keys() == ()
