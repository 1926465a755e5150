"""Where a command writes a file: a place that is fit for it, and never one of the files that it reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from loopwright import wiring
from loopwright.errors import UsageError

DEFAULT = Path("loopwright-report.html")


def check_place(path: Path, flag: str = "--out") -> None:
    """Raise `UsageError` where no file can be written at `path`, before the work is done."""
    if path.is_dir():
        raise UsageError(f"{flag} {path} is a folder; name a file in it")
    folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
    device = path.exists() and not path.is_file()
    if not device and not folder.is_dir():
        raise UsageError(f"{flag} {path}: there is no folder {folder}; make it, or name another place")
    if not device and not os.access(folder, os.W_OK):
        raise UsageError(f"{flag} {path}: the folder {folder} cannot be written to; name another place")


def check_spares(path: Path, inputs: Iterable[str], flag: str = "--out") -> None:
    """Raise `UsageError` where `path` is, by whatever name, a file that the command reads; `-` in `inputs` is standard input."""
    for given in inputs:
        if _is_same(path, given):
            what = "what standard input is read from" if given == "-" else f"what is read ({given})"
            raise UsageError(f"{flag} {path} is {what}, and would be overwritten; name another file")


def write_file(path: Path, text: str, flag: str = "--out") -> None:
    """Write a file, in a new folder if need be, whole or not at all; a link or a device stays what it is.

    Raises `UsageError` where that fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        wiring.write_file(path, text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}; name another place with {flag}") from None


def _is_same(path: Path, given: str) -> bool:
    """Whether both are one file on the disk; devices and pipes hold nothing that could be lost."""
    try:
        one = path.stat()
        other = os.fstat(0) if given == "-" else Path(given).stat()
    except OSError:
        return False
    return path.is_file() and os.path.samestat(one, other)
