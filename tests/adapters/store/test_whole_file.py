from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from loopwright.adapters.store.whole_file import write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_keeps_its_rights(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    write_whole(file, "first\n")
    file.chmod(0o640)
    write_whole(file, "zweite Fassung ✓\n")
    assert file.read_bytes() == "zweite Fassung ✓\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert names(tmp_path) == ["page.html"]


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    link = tmp_path / "latest.html"
    link.symlink_to(Path("site") / "page.html")
    for text in ("made", "made again"):
        write_whole(link, text)
        assert link.is_symlink()
        assert (tmp_path / "site" / "page.html").read_text() == text
    assert names(tmp_path / "site") == ["page.html"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "a page")
        assert os.read(reading, 100) == b"a page"
    finally:
        os.close(reading)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_to_and_stays_one() -> None:
    write_whole(Path("/dev/null"), "a page")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OSError, match="No space left"):
        write_whole(Path("/dev/full"), "a page")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_what_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="regular file"):
        write_whole(tmp_path, "a page")
    turning = tmp_path / "turning"
    turning.symlink_to(turning)
    with pytest.raises(OSError, match="symbolic links"):
        write_whole(turning, "a page")
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "kept", "half a pair: \ud800")
    assert (tmp_path / "kept").read_text() == "kept"
    assert names(tmp_path) == ["kept", "turning"]
