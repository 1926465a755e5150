from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from loopwright.adapters.store.redaction_key import read_key, settled_key
from loopwright.errors import StoreError


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "redaction.key"
    assert read_key(file) is None
    key = settled_key(file)
    assert len(key) == 32
    assert settled_key(file) == read_key(file) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["redaction.key"]
    assert settled_key(tmp_path / "other.key") != key


def test_of_many_that_make_it_at_once_all_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: settled_key(tmp_path / "redaction.key"), range(32)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["redaction.key"]


@pytest.mark.parametrize("content", ["", "no key\n", "abcd\n"])
def test_a_file_that_holds_no_key_is_not_taken_nor_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "redaction.key"
    file.write_text(content)
    with pytest.raises(StoreError, match=r"redaction\.key"):
        settled_key(file)
    assert file.read_text() == content


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"redact\.key_file"):
        settled_key(tmp_path / "file" / "redaction.key")
