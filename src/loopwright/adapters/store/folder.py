"""The folder that the store, its keys and the key of pseudonyms lie in."""

from __future__ import annotations

from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder that is not there; raises `OSError`.

    A hidden one keeps itself out of git, since what users said in production is in it, and the key that tells pseudonyms.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    if folder.name.startswith("."):
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
