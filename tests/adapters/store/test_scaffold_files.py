"""New files: made once, never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.store.scaffold_files import ScaffoldFiles
from loopwright.errors import InputError


def test_a_file_is_made_with_its_folders_and_only_once(tmp_path: Path) -> None:
    files = ScaffoldFiles(tmp_path)
    assert files.create("a/b/c.txt", "first")
    assert not files.create("a/b/c.txt", "second")
    assert (tmp_path / "a/b/c.txt").read_text() == "first"


def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path in ("a/b.txt", "a/b/c.txt", "dangling"):
        with pytest.raises(InputError, match=f"^{path}: cannot be"):
            ScaffoldFiles(tmp_path).create(path, "text")


@given(st.lists(st.text("ab./", max_size=12), max_size=4), st.booleans())
def test_a_line_is_added_once_and_nothing_else_changes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], end: bool
) -> None:
    folder = tmp_path_factory.mktemp("ignore")
    before = "\n".join(rows) + ("\n" if end else "")
    (folder / ".gitignore").write_text(before)
    files = ScaffoldFiles(folder)
    assert files.ensure_line(".gitignore", ".loopwright/")
    assert not files.ensure_line(".gitignore", ".loopwright/")
    after = (folder / ".gitignore").read_text()
    assert after.startswith(before)
    assert after.splitlines()[-1] == ".loopwright/"


def test_a_file_that_is_no_text_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="add the line by hand"):
        ScaffoldFiles(tmp_path).ensure_line(".gitignore", ".loopwright/")
