from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import trace
from loopwright.adapters.store.folder import make_folder
from loopwright.adapters.store.key_file import KeyFile
from loopwright.adapters.store.redaction_key import settled_key
from loopwright.adapters.store.store import open_store
from loopwright.errors import StoreError
from loopwright.ports import Key


def a_key(folder: Path) -> None:
    KeyFile(folder / "keys.json").add(Key("id", "name", "ingest", "0" * 64, datetime(2026, 1, 1, tzinfo=UTC), None, None))


def a_trace(folder: Path) -> None:
    with open_store(f"sqlite:///{folder}/loopwright.db", folder) as store:
        store.put_traces([trace("t")])


FIRST = [a_key, a_trace, lambda folder: settled_key(folder / "redaction.key")]


@pytest.mark.parametrize("write", FIRST, ids=["a key", "a trace", "the key of pseudonyms"])
def test_whatever_is_written_first_the_folder_stays_out_of_git(tmp_path: Path, write: Callable[[Path], object]) -> None:
    folder = tmp_path / "deep" / ".loopwright"

    write(folder)

    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    for name in (".hidden", "plain"):
        (tmp_path / name).mkdir()
        make_folder(tmp_path / name)
        assert list((tmp_path / name).iterdir()) == []
    make_folder(tmp_path / "shown")
    assert list((tmp_path / "shown").iterdir()) == []


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="File exists"):
        settled_key(tmp_path / "file" / "redaction.key")
