"""The files that a part of the agent is made of, such as its prompts, and their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from loopwright.audit.digest import digest
from loopwright.errors import SettingError


def patterns(text: str) -> list[str]:
    """The patterns in a setting: divided by commas, relative to the settings' folder, `**` for any folders."""
    return [part.strip() for part in text.split(",") if part.strip()]


def part_digest(folder: Path, text: str, setting: str) -> str:
    """The digest of all files that the patterns name, by path and content; empty where there are none.

    A folder stands for all files in it. Hidden files and `__pycache__` are left out. Raises `SettingError` for a pattern that
    cannot be followed, and for a file that cannot be read.
    """
    files = sorted({file for pattern in patterns(text) for file in _found(folder, pattern, setting)})
    try:
        rows = [(file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    except OSError as error:
        raise SettingError(
            f"{setting} names {error.filename}, which cannot be read: {error.strerror}", cure="leave it out"
        ) from None
    return digest(rows) if rows else ""


def _found(folder: Path, pattern: str, setting: str) -> Iterator[Path]:
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise SettingError(f"{setting} names {pattern!r}", cure="give patterns that lie in the settings' folder, as prompts/**")
    try:
        matched = list(folder.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise SettingError(f"{setting} names {pattern!r} ({error})", cure="give a pattern such as prompts/**") from None
    for path in matched:
        for file in path.rglob("*") if path.is_dir() else [path]:
            parts = file.relative_to(folder).parts
            if file.is_file() and "__pycache__" not in parts and not any(part.startswith(".") for part in parts):
                yield file
