"""Who decides: a decision always has a person's name on it."""

from __future__ import annotations

from loopwright.errors import UsageError
from loopwright.ports import VersionControl


def who(by: str | None, vcs: VersionControl) -> str:
    """The name given with `--by`, else git's `user.name`; raises `UsageError` where there is neither."""
    if by is not None:
        name = " ".join(by.split())
        if not name:
            raise UsageError("--by is empty; give the name of the person who decides: --by NAME")
        return name
    name = " ".join((vcs.user_name() or "").split())
    if not name:
        raise UsageError("nobody is named as deciding; give --by NAME, or name yourself with: git config --global user.name NAME")
    return name
