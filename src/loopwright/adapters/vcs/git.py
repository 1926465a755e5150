"""What git says about a folder. No git, no repository, or no answer in time: nothing is said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from loopwright.adapters.vcs.tree import tree_digest
from loopwright.adapters.vcs.written import WrittenFiles

TIMEOUT_S = 5.0


class Git:
    """Implements `ports.VersionControl` for the repository that `folder` is in.

    Files in `leave_out` (those that a command itself writes, such as the store) are no part of the working tree.
    """

    def __init__(self, folder: Path, timeout_s: float = TIMEOUT_S, leave_out: Iterable[Path] = ()) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._leave_out = frozenset(os.path.realpath(path) for path in leave_out)

    def user_name(self) -> str | None:
        """Git's `user.name`, which may be set for the repository, the user or the machine."""
        return self._ask("config", "--get", "user.name") or None

    def head(self) -> str | None:
        """The current commit as 40 hex digits; None outside a repository.

        Where the working tree differs from it, `-dirty-` and a digest of what differs follow, so that two different trees are
        never named alike; `-dirty` alone where that cannot be told. New files count, unless git ignores them or they hold what
        Loopwright wrote into them (`note_written`).
        """
        commit = self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if not commit:
            return None
        top = Path(self._ask("rev-parse", "--show-toplevel") or ".")
        differ = self._differing(top)
        if not differ:
            return commit if differ is not None else f"{commit}-dirty"
        within = tree_digest(top, differ, lambda folder: Git(folder, self._timeout_s).head())
        return f"{commit}-dirty-{within}" if within else f"{commit}-dirty"

    def differing(self) -> tuple[str, ...]:
        """The files by which the working tree differs from its commit, as paths from the repository's top."""
        top = self._ask("rev-parse", "--show-toplevel")
        return tuple(self._differing(Path(top)) or ()) if top else ()

    def note_written(self, file: Path) -> None:
        """Remember a file that a command wrote here: while it holds that, and git does not track it, it is no change.

        Outside a repository there is nothing to remember, and where git's folder cannot be written the file is like any other.
        """
        real = Path(os.path.realpath(file))
        written = self._written()
        if written is not None and real.is_relative_to(written.top) and real.is_file():
            with suppress(OSError):
                written.add(real.relative_to(written.top).as_posix())

    def tag(self) -> str | None:
        """The tag of the current commit, the highest of several; None without one, or where the working tree differs from it."""
        if "-dirty" in (self.head() or "-dirty"):
            return None
        tags = self._ask("tag", "--points-at", "HEAD", "--sort=-version:refname")
        return tags.splitlines()[0] if tags else None

    def commit(self, name: str) -> str | None:
        """The commit that a tag, branch or other name stands for; None where git knows none."""
        return self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") or None

    def changed_since(self, commit: str, patterns: Sequence[str] = ()) -> frozenset[str] | None:
        """Files that differ from how they were at `commit`, as paths from the repository's top; new ones are among them.

        With `patterns` (`**` for any folders, counted from the folder), those that match one. None where git cannot tell.
        """
        paths = [f":(glob){pattern}" for pattern in patterns] or [":(top)"]
        differ = self._ask("diff", "--name-only", "--no-renames", "-z", commit, "--", *paths)
        new = self._ask("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *paths)
        if differ is None or new is None:
            return None
        return frozenset(filter(None, f"{differ}\0{new}".split("\0")))

    def altered_since(self, commit: str, patterns: Sequence[str] = ()) -> frozenset[str] | None:
        """As `changed_since`, of the files that git keeps: one that nobody added to it is not of the repository."""
        paths = [f":(glob){pattern}" for pattern in patterns] or [":(top)"]
        differ = self._ask("diff", "--name-only", "--no-renames", "--no-relative", "-z", commit, "--", *paths)
        return None if differ is None else frozenset(filter(None, differ.split("\0")))

    def why_no_head(self) -> str:
        """Why `head` is None, in words: no git, no repository, or no commit in it yet."""
        if self._ask("--version") is None:
            return "git is not installed"
        if self._ask("rev-parse", "--git-dir") is None:
            return "not in a git repository"
        return "a git repository without a commit yet"

    def _differing(self, top: Path) -> list[str] | None:
        """The files of the working tree that differ from the commit, from `top` on; None where git cannot tell."""
        changed = self._output("diff", "--name-only", "--no-renames", "--no-relative", "-z", "HEAD", "--", ":(top)")
        new = self._output("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":(top)")
        if changed is None or new is None:
            return None
        written = self._written() if new else None
        fresh = {os.fsdecode(path) for path in new.split(b"\0") if path and not _made(path)}
        fresh = {path for path in fresh if written is None or not written.holds(path)}
        found = sorted(fresh | {os.fsdecode(path) for path in changed.split(b"\0") if path})
        return [path for path in found if os.path.realpath(top / path) not in self._leave_out]

    def _written(self) -> WrittenFiles | None:
        """What is remembered of the files that commands wrote; None outside a repository."""
        places = (self._ask("rev-parse", "--show-toplevel", "--absolute-git-dir") or "").splitlines()
        return WrittenFiles(Path(os.path.realpath(places[0])), Path(places[1])) if len(places) == 2 else None

    def _ask(self, *arguments: str) -> str | None:
        """Git's answer without the white space around it; None where it fails, is absent or takes too long."""
        answer = self._output(*arguments)
        return None if answer is None else answer.decode("utf-8", "replace").strip()

    def _output(self, *arguments: str) -> bytes | None:
        """What git wrote; None where it fails, is absent or takes too long."""
        quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        command = ["git", "-C", str(self._folder), *arguments]
        try:
            answer = subprocess.run(  # noqa: S603 (no shell; every argument is ours)
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=self._timeout_s, env=quiet, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout if answer.returncode == 0 else None


def _made(path: bytes) -> bool:
    """Whether a new file was made by running: Python's compiled modules, our own store and report."""
    *folders, name = path.split(b"/")
    own = name.startswith(b"loopwright-report") and name.endswith(b".html")
    return own or name.endswith(b".pyc") or not {b"__pycache__", b".loopwright"}.isdisjoint(folders)
