"""Who decides: a decision always has a person's name on it."""

from __future__ import annotations

from loopwright.errors import UsageError
from loopwright.ports import VersionControl

FEWEST_WORDS = 2
FEWEST_CHARACTERS = 10
"""What a reason has at least, where something is done against the evidence."""


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


def reasoned(text: str, asked: str) -> str:
    """A reason that somebody can weigh later, on one line: two words and ten characters at least; raises `UsageError`.

    `asked` says what is missing, and how it is given.
    """
    reason = " ".join(text.split())
    words = [word for word in reason.split(" ") if any(character.isalpha() for character in word)]
    if reason and (len(words) < FEWEST_WORDS or len(reason) < FEWEST_CHARACTERS):
        raise UsageError(f"{reason!r} is no reason that somebody can weigh later; give it in a few words: {asked}")
    if not reason:
        raise UsageError(asked)
    return reason
