"""The file that a page is written to: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from loopwright.errors import UsageError

DEFAULT = Path("loopwright-report.html")


def check_place(path: Path) -> None:
    """Raise `UsageError` where no file can be written at `path`, before the work is done."""
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}; make it, or name another place")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--out {path}: the folder {path.parent} cannot be written to; name another place")


def write_page(path: Path, html: str) -> None:
    """Replace the file at `path` in one step; its folder must exist. Raises `UsageError` where that fails."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(html)
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        temporary.chmod(mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror or error}; name another place with --out") from None
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
