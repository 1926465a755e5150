"""New files in the user's repository."""

from __future__ import annotations

from pathlib import Path

from loopwright.errors import InputError


class ScaffoldFiles:
    """The `Scaffold` port on a folder. Paths are relative to it, with `/` between their parts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, path: str, text: str) -> bool:
        """Write a new file, one that may be run where it begins with #!; False where something of that name stands."""
        file = self.folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as out:
                out.write(text)
            if text.startswith("#!"):
                file.chmod(file.stat().st_mode | 0o111)
        except (FileExistsError, NotADirectoryError):
            if not file.exists():
                raise InputError("cannot be made: a file stands in its way", source=path, cure="move that file") from None
            return False
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", source=path, cure="check the folder's rights") from None
        return True

    def ensure_line(self, path: str, line: str) -> bool:
        """Add `line` at the end of a text file, made where there is none; False where it is there, slashes around it aside."""
        file = self.folder / path
        try:
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            if line.strip("/") in (row.strip().strip("/") for row in text.splitlines()):
                return False
            with file.open("a", encoding="utf-8") as out:
                out.write(("\n" if text and not text.endswith("\n") else "") + line + "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be extended by {line!r}: {error}", source=path, cure="add the line by hand") from None
        return True
