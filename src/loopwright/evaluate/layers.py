"""Which layers a change calls for: unambiguous evals on every change, judged ones on a significant one, all on a release."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loopwright.evaluate.case import Layer
from loopwright.evaluate.fingerprint import CODE, SIGNIFICANT, Fingerprint, changes

BY_CHANGE = ("--changed", "--since")
"""The options by which a run takes the layers that a change calls for."""
ALL = tuple(Layer)
EVERY_COMMIT = (Layer.DETERMINISTIC,)
SIGNIFICANT_CHANGE = (Layer.DETERMINISTIC, Layer.SEMANTIC)


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """The layers to run, and why, in a few words. `changed` are the parts that differ (None: not known)."""

    layers: tuple[Layer, ...]
    why: str
    changed: tuple[str, ...] | None = None


def choose(now: Fingerprint, before: Fingerprint | None, since: str) -> LayerChoice:
    """The layers that the difference between two versions calls for; `since` names the earlier one in words.

    Without an earlier one everything is run.
    """
    if now.release is not None:
        changed = None if before is None else changes(before, now)
        return LayerChoice(ALL, f"it is release {now.release}", changed)
    if before is None:
        return LayerChoice(ALL, f"there is nothing to compare with ({since})")
    return choose_by_parts(changes(before, now), since, named=now.named or before.named)


def choose_by_parts(changed: Collection[str], since: str, *, named: bool) -> LayerChoice:
    """The layers that a change of these parts calls for.

    `named` says whether any file is named as prompt, tools or model: where none is, a change of the code may be one of theirs,
    and counts as significant.
    """
    parts = tuple(part for part in (CODE, *SIGNIFICANT) if part in changed)
    significant = [part for part in parts if part != CODE]
    if significant:
        return LayerChoice(SIGNIFICANT_CHANGE, f"{joined(significant)} changed since {since}", parts)
    if parts and not named:
        why = f"the code changed since {since}, and no file is named as prompt, tools or model under [fingerprint]"
        return LayerChoice(SIGNIFICANT_CHANGE, why, parts)
    why = f"only the code changed since {since}" if parts else f"nothing changed since {since}"
    return LayerChoice(EVERY_COMMIT, why, parts)


def joined(words: Sequence[str]) -> str:
    """Words as a person lists them: `prompt, tools and model`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1] if words else "")))
