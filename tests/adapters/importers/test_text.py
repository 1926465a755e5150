from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from loopwright.adapters.importers.text import FileTextReader
from loopwright.errors import InputError


def test_lines_are_read_whatever_their_ends_and_packing(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes("\ufeffa,b\r\n1,2\r3,4\n".encode())
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for file in (plain, packed):
        assert list(FileTextReader().lines(str(file))) == ["a,b\n", "1,2\n", "3,4\n"]


@pytest.mark.parametrize(("content", "problem"), [(b"a,\xff\n", "byte 2 is not UTF-8"), (b"PK\x03\x04" + b"\0" * 40, "zip")])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=problem):
        list(FileTextReader().lines(str(tmp_path / "a.csv")))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        FileTextReader().lines(str(tmp_path / "none.csv"))
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(InputError, match="is a folder"):
        FileTextReader().lines(str(tmp_path))
