"""Text in the person's own editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from loopwright.errors import UsageError

_USUAL = ("sensible-editor", "nano", "vi", "notepad")


def edited(text: str) -> str:
    """`text` as the person left it in `$VISUAL`, `$EDITOR`, or an editor that is there.

    Raises `UsageError` where there is none, or where it ended with an error.
    """
    command = _editor()
    with tempfile.TemporaryDirectory(prefix="loopwright-") as folder:
        file = Path(folder) / "draft.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run([*command, str(file)], check=False)  # noqa: S603 - the person's own editor
        except OSError as error:
            raise UsageError(f"the editor {command[0]!r} cannot be started: {error.strerror}; set $EDITOR") from None
        if done.returncode:
            raise UsageError(f"the editor {command[0]!r} ended with code {done.returncode}; nothing was changed")
        try:
            return file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            raise UsageError(f"what the editor {command[0]!r} left is no text in UTF-8; nothing was changed") from None


def _editor() -> list[str]:
    wanted = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if wanted:
        try:
            words = shlex.split(wanted, posix=os.name != "nt")
        except ValueError:
            raise UsageError(f"$EDITOR is {wanted!r}, which is no command; set it to one, such as: export EDITOR=nano") from None
        if words:
            return words
    found = next((name for name in _USUAL if shutil.which(name)), None)
    if found is None:
        raise UsageError("there is no editor; name yours, such as: export EDITOR=nano")
    return [found]
