"""The vector cache: shared by processes, thrown away when damaged, never in the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from loopwright.adapters.embed.cache import FILE_NAME, CachedEmbedder, default_folder


class Counting:
    """A tiny embedder that remembers what it was asked."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(text), text.count("a") + 1] for text in texts], np.float32).reshape(len(texts), 2)


def cached(folder: Path, notes: list[str] | None = None) -> tuple[CachedEmbedder, Counting]:
    inner = Counting()
    return CachedEmbedder(inner, folder, (notes if notes is not None else []).append), inner


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    first, asked = cached(tmp_path / "deep" / "folder")
    expected = Counting().embed(["a", "b", "a", "\ud800"])
    assert (first.embed(["a", "b", "a", "\ud800"]) == expected).all()
    assert asked.asked == ["a", "b", "\ud800"]
    again, asked = cached(tmp_path / "deep" / "folder")
    assert (again.embed(["b", "a", "c"]) == Counting().embed(["b", "a", "c"])).all()
    assert asked.asked == ["c"]
    assert again.embed([]).shape == (0, 2)


def test_models_are_never_mixed(tmp_path: Path) -> None:
    cached(tmp_path)[0].embed(["a"])
    other, asked = cached(tmp_path)
    asked.name = "another"
    other.embed(["a"])
    assert asked.asked == ["a"]


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 100, None])
def test_a_damaged_file_is_built_anew(tmp_path: Path, damage: bytes | None) -> None:
    texts = [f"text {i}" for i in range(600)]
    cached(tmp_path)[0].embed(texts)
    file = tmp_path / FILE_NAME
    if damage is None:
        content = bytearray(file.read_bytes())
        for at in range(5000, len(content), 3000):
            content[at : at + 40] = b"\xff" * 40
        file.write_bytes(content)
    else:
        file.write_bytes(damage)
    notes: list[str] = []
    again, _ = cached(tmp_path, notes)
    assert (again.embed(texts) == Counting().embed(texts)).all()
    assert len(notes) <= 1
    third, asked = cached(tmp_path)
    assert (third.embed(texts) == Counting().embed(texts)).all()
    assert asked.asked == []


def test_a_vector_that_was_changed_is_made_again(tmp_path: Path) -> None:
    cached(tmp_path)[0].embed(["a"])
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE vectors SET vector = ?", [b"\0" * 12])
    connection.close()
    again, asked = cached(tmp_path)
    assert (again.embed(["a"]) == [[1, 2]]).all()
    assert asked.asked == ["a"]


def test_where_no_file_can_be_kept_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    notes: list[str] = []
    blocked, _ = cached(tmp_path / "file", notes)
    assert (blocked.embed(["a", "b"]) == Counting().embed(["a", "b"])).all()
    blocked.embed(["c"])
    assert len(notes) == 1
    assert "not cached" in notes[0]


_PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_cache import Counting, cached
notes = []
embedder, inner = cached(Path(sys.argv[2]), notes)
texts = [f"text {i}" for i in range(int(sys.argv[3]), int(sys.argv[3]) + 1500)]
for begin in range(0, 1500, 50):
    assert (embedder.embed(texts[begin : begin + 50]) == Counting().embed(texts[begin : begin + 50])).all()
assert notes == [], notes
print(len(inner.asked))
"""


def test_two_processes_share_it(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, here, str(tmp_path), begin], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for begin in ("0", "500")
    ]
    outputs = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    last, asked = cached(tmp_path)
    last.embed([f"text {i}" for i in range(2000)])
    assert asked.asked == []


def test_the_folder_is_the_users_cache() -> None:
    home = Path("/home/someone")
    assert default_folder({}, home) == home / ".cache" / "loopwright"
    assert default_folder({"XDG_CACHE_HOME": "/elsewhere"}, home) == Path("/elsewhere/loopwright")
    assert default_folder({"XDG_CACHE_HOME": "relative"}, home) == home / ".cache" / "loopwright"
