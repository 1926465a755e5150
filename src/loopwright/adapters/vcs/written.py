"""New files in a working tree that Loopwright wrote itself: no change of the agent, as long as they hold what it wrote.

They are remembered within git's own folder, by path and content, so that nothing else appears in the working tree. A file that
anybody changed since, and one that git tracks, is like any other.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

PLACE = Path("loopwright") / "written.json"


class WrittenFiles:
    """The files below `top` that were written, kept in git's folder `git_folder`."""

    def __init__(self, top: Path, git_folder: Path) -> None:
        self.top = top
        self._file = git_folder / PLACE
        self._digests = self._read()

    def add(self, path: str) -> None:
        """Remember a file as it is now; raises `OSError`. Files that are gone are forgotten."""
        kept = {name: held for name, held in self._digests.items() if (self.top / name).is_file()}
        self._digests = kept | {path: self._digest(path)}
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(json.dumps(self._digests, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def holds(self, path: str) -> bool:
        """Whether a file was written here, and holds what was written."""
        try:
            return path in self._digests and self._digests[path] == self._digest(path)
        except OSError:
            return False

    def _digest(self, path: str) -> str:
        with (self.top / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _read(self) -> dict[str, str]:
        """What is remembered; nothing where that cannot be read (or is being written), so that these files are like any other."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(name): str(held) for name, held in found.items()} if isinstance(found, dict) else {}
