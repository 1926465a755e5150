"""The digest of files in a working tree that differ from a commit: two trees are alike only where each file is."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

LENGTH = 12
"""So many hex digits tell the trees of one commit apart."""


def tree_digest(top: Path, paths: Iterable[str], head: Callable[[Path], str | None]) -> str:
    """Identifies the content of `paths` below `top`, absent ones included: bytes, executable bit, where a link points.

    A folder is a repository within this one, and is told by its `head`. Empty where something cannot be read, or told.
    """
    whole = hashlib.sha256()
    for path in sorted(paths):
        try:
            content = _content(top / path, head)
        except OSError:
            return ""
        if not content:
            return ""
        whole.update(f"{len(os.fsencode(path))} ".encode() + os.fsencode(path) + content.encode())
    return whole.hexdigest()[:LENGTH]


def _content(path: Path, head: Callable[[Path], str | None]) -> str:
    """One file: its kind, and what it holds; empty where that cannot be told."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "gone"
    if stat.S_ISLNK(mode):
        return "link " + hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
    if stat.S_ISDIR(mode):
        within = head(path)
        return f"repository {within}" if within and not within.endswith("-dirty") else ""
    if not stat.S_ISREG(mode):
        return "special"
    with path.open("rb") as file:
        kind = "program" if mode & stat.S_IXUSR else "file"
        return f"{kind} {hashlib.file_digest(file, 'sha256').hexdigest()}"
