"""What git says about a folder. No git, no repository, or no answer in time: nothing is said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 5.0


class Git:
    """Implements `ports.VersionControl` for the repository that `folder` is in."""

    def __init__(self, folder: Path, timeout_s: float = TIMEOUT_S) -> None:
        self._folder = folder
        self._timeout_s = timeout_s

    def user_name(self) -> str | None:
        """Git's `user.name`, which may be set for the repository, the user or the machine."""
        return self._ask("config", "--get", "user.name") or None

    def head(self) -> str | None:
        """The current commit as 40 hex digits, with `-dirty` where tracked files differ from it; None outside a repository."""
        commit = self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if not commit:
            return None
        changed = self._ask("status", "--porcelain", "--untracked-files=no")
        return f"{commit}-dirty" if changed or changed is None else commit

    def tag(self) -> str | None:
        """The tag of the current commit, the highest where it has several; None without one, or where tracked files differ."""
        if (self.head() or "-dirty").endswith("-dirty"):
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

    def why_no_head(self) -> str:
        """Why `head` is None, in words: no git, no repository, or no commit in it yet."""
        if self._ask("--version") is None:
            return "git is not installed"
        if self._ask("rev-parse", "--git-dir") is None:
            return "not in a git repository"
        return "a git repository without a commit yet"

    def _ask(self, *arguments: str) -> str | None:
        """Git's answer without the white space around it; None where it fails, is absent or takes too long."""
        quiet = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        command = ["git", "-C", str(self._folder), *arguments]
        try:
            answer = subprocess.run(  # noqa: S603 (no shell; every argument is ours)
                command, capture_output=True, stdin=subprocess.DEVNULL, timeout=self._timeout_s, env=quiet, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout.decode("utf-8", "replace").strip() if answer.returncode == 0 else None
