"""Whether a run is of the agent as it is here now: what it was made of, held against what is there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loopwright.evaluate.fingerprint import CODE, Fingerprint, differences
from loopwright.evaluate.layers import joined
from loopwright.evaluate.result import Run

_COMMIT = re.compile(r"([0-9a-f]{12})[0-9a-f]{28}(-dirty(?:-[0-9a-f]+)?)?")
_UNTOLD = "-dirty"


def outdated(run: Run, now: Fingerprint) -> str:
    """What of the agent is not what `run` was made of, in words; empty where nothing is known to differ.

    A run that does not tell what it was made of is known by its version, where that is a commit, and by nothing else.
    """
    made_of = run.fingerprint
    if made_of is None and now == Fingerprint():
        return ""
    if made_of is None and not _COMMIT.fullmatch(run.version):
        return f"it does not tell what its version, {run.version}, was made of"
    parts = differences(made_of, now) if made_of is not None else _by_version(run.version, now)
    if not parts:
        return ""
    held = made_of.code if made_of is not None else run.version
    return f"{joined([_code(held, now.code) if part == CODE else f'the {part}' for part in parts])} changed since"


def cure(run: Run, now: Fingerprint) -> str:
    """What to do about it."""
    first = "commit, then " if (now.code or "").endswith(_UNTOLD) else ""
    return f"{first}run the suite: loopwright run, or decide on that run as it was: loopwright gate --run {run.run_id}"


def untold(run: Run, now: Fingerprint) -> Sequence[str]:
    """What cannot be told of a run in which nothing is known to differ."""
    if now.code is None and (run.fingerprint is None or run.fingerprint.code is None):
        return (f"outside a git repository nothing tells whether the code changed since run {run.run_id}",)
    return ()


def commit_in(version: str) -> str | None:
    """The commit that a version is, or is made from; None where it is another name."""
    return version[:40] if _COMMIT.fullmatch(version) else None


def is_certain(version: str) -> bool:
    """Whether a version can be of one tree only: a commit, with the digest of what differs from it, if anything does."""
    return bool(_COMMIT.fullmatch(version)) and not version.endswith(_UNTOLD)


def short(version: str) -> str:
    """A commit as git shows it, with what is said of the tree; any other version as it is."""
    return _COMMIT.sub(lambda commit: commit[1] + (commit[2] or ""), version)


def _by_version(version: str, now: Fingerprint) -> tuple[str, ...]:
    return differences(Fingerprint(version), Fingerprint(now.code))


def _code(held: str | None, now: str | None) -> str:
    """The code, then and now; what git cannot tell may be the same in words, and is said to be untold."""
    if held == now:
        return f"the code may have (changes to {short(now or '')[:12]} that git cannot tell)"
    was, here = (short(code) if code is not None else "outside a repository" for code in (held, now))
    return f"the code ({was} then, {here} now)"
