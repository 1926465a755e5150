"""What an agent is made of, as digests: what changed between two versions of it can be told without reading either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CODE = "code"
SIGNIFICANT = ("prompt", "tools", "model", "harness")
"""The parts whose change alters what the agent says, and not only how its code is written."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A version of the agent: the commit of its code, and a digest of each part that settings name files of.

    `code` is git's head, with a digest of what is not committed (None outside a repository). The four parts are empty where no
    file of theirs was found. `release` is the tag that makes this version a release.
    """

    code: str | None = None
    prompt: str = ""
    tools: str = ""
    model: str = ""
    harness: str = ""
    release: str | None = None

    @property
    def named(self) -> bool:
        """Whether any file stands for the prompt, the tools or the model: otherwise they are somewhere in the code."""
        return bool(self.prompt or self.tools or self.model)


def changes(before: Fingerprint, now: Fingerprint) -> tuple[str, ...]:
    """The parts that differ, `code` first. Code that git cannot tell of counts as changed."""
    return (*(() if now.code is not None and _same_code(before, now) else (CODE,)), *_changed_significant(before, now))


def differences(made_of: Fingerprint, now: Fingerprint) -> tuple[str, ...]:
    """The parts that are not what they were, `code` first. Of code outside a repository, then and now, nothing is said."""
    return (*(() if _same_code(made_of, now) else (CODE,)), *_changed_significant(made_of, now))


def _same_code(before: Fingerprint, now: Fingerprint) -> bool:
    """Whether it is the same. Changes that are not committed and whose content is not told may be any."""
    return now.code == before.code and not (now.code or "").endswith("-dirty")


def _changed_significant(before: Fingerprint, now: Fingerprint) -> tuple[str, ...]:
    return tuple(part for part in SIGNIFICANT if getattr(before, part) != getattr(now, part))


def changed_parts(paths: Iterable[str], parts: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """The parts that changed files belong to. `parts` holds the files of each significant part; all others are code."""
    changed = set(paths)
    found = [part for part in SIGNIFICANT if changed & parts.get(part, frozenset())]
    rest = changed.difference(*parts.values())
    return (*((CODE,) if rest else ()), *found)
