"""A file that is written whole, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str, new_mode: int | None = None) -> None:
    """Write `text` as UTF-8: a regular file is replaced in one step and keeps its rights, a link stays and its file is replaced.

    A file that is new gets the rights `new_mode`, by default those that the umask leaves.

    A character device or a pipe (`/dev/stdout`, `/dev/null`) is written to, and stays what it is. Raises `OSError` for a folder,
    for anything else that is no file, and where the file cannot be written; what stood there is then untouched.
    """
    held = _held(path)
    if held is not None and (stat.S_ISCHR(held) or stat.S_ISFIFO(held)):
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        return
    if held is not None and not stat.S_ISREG(held):
        raise OSError(0, "it is no regular file")
    _replace(Path(os.path.realpath(path)), text, held if held is not None else _new(new_mode))


def _held(path: Path) -> int | None:
    """The mode of what stands at `path`, links followed; None where nothing does."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(path: Path, text: str, mode: int) -> None:
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(text)
        temporary.chmod(mode & 0o777)
        temporary.replace(path)
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise


def _new(mode: int | None) -> int:
    return 0o666 & ~_umask() if mode is None else mode


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
