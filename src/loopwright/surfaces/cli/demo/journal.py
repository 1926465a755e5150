"""Which stages of a demo are done, and what came of them, so that one that was killed goes on where it stopped."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from loopwright.errors import UsageError
from loopwright.wiring import write_file

MARKER = ".loopwright-demo"
MADE = frozenset(
    {MARKER, ".gitignore", ".loopwright", "__pycache__", "conversations", "demo_agent.py"}
    | {"evals", "harness.toml", "loopwright.toml", "report.html"}
)
"""What the demo and its agent leave in its folder; it removes nothing else."""

_CURE = "name another folder with --folder"


class Journal:
    """The marker file of the demo's folder: a line saying which demo it is, then a line for each stage that is done.

    A line that was cut short by a kill is a stage that is not done. `resumed` tells whether there were stages done.
    """

    def __init__(self, file: Path, identity: dict[str, Any]) -> None:
        self._file = file
        self.identity = identity
        self.done: dict[str, dict[str, Any]] = {}
        self._held = -1

    def __del__(self) -> None:
        if self._held >= 0:
            os.close(self._held)

    @property
    def resumed(self) -> bool:
        """Whether this demo goes on with one that was cut short."""
        return bool(self.done)

    def record(self, stage: str, figures: dict[str, Any]) -> dict[str, Any]:
        """Note durably that a stage is done; returns its figures as they will be read again."""
        line = json.dumps({"stage": stage, "figures": figures}, sort_keys=True)
        self._append(line)
        self.done[stage] = json.loads(line)["figures"]
        return self.done[stage]

    def lock(self, folder: Path) -> None:
        """Keep other demos out of the folder while this process lives; raises `BlockingIOError` where one is in it."""
        self._held = os.open(folder, os.O_RDONLY)
        fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def is_there(self) -> bool:
        """Whether there is a marker file."""
        return self._file.is_file()

    def text(self) -> str:
        """The marker file, as it is."""
        return self._file.read_text(encoding="utf-8")

    def keep(self, text: str) -> None:
        """Make the marker file hold `text` alone."""
        write_file(self._file, text)

    def _append(self, line: str) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def begin(folder: Path, identity: dict[str, Any], last: str) -> Journal:
    """The journal of the demo in `folder`: of one that was cut short before its stage `last`, or of a new one.

    What an earlier demo made is removed where it was finished, or was another demo; a folder that holds anything else is refused,
    and so is one in which a demo is running. Raises `UsageError`.
    """
    journal = Journal(folder / MARKER, identity)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            _refuse_what_is_not_ours(folder)
        folder.mkdir(parents=True, exist_ok=True)
        journal.lock(folder)
        if journal.is_there() and _read(journal) and last not in journal.done:
            return journal
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        journal.done = {}
        (folder / MARKER).write_text(json.dumps(identity, sort_keys=True) + "\n", encoding="utf-8")
    except BlockingIOError:
        raise UsageError(f"another demo is running in {folder}; wait for its end, or {_CURE}") from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}; {_CURE}") from None
    return journal


def _refuse_what_is_not_ours(folder: Path) -> None:
    strange = [] if (folder / MARKER).is_file() else ["no demo made it"]
    strange += [path.name for path in folder.iterdir() if path.name not in MADE] if folder.is_dir() else []
    if strange:
        raise UsageError(f"{folder} holds what is not the demo's ({strange[0]}); {_CURE}")


def _read(journal: Journal) -> bool:
    """Take in the stages that are done; False where the marker is of another demo. A torn last line is cut off."""
    whole = [line for line in journal.text().splitlines(keepends=True) if line.endswith("\n")]
    try:
        rows = [json.loads(line) for line in whole]
    except json.JSONDecodeError:
        return False
    if not rows or rows[0] != journal.identity:
        return False
    journal.keep("".join(whole))
    journal.done = {row["stage"]: row["figures"] for row in rows[1:]}
    return True
