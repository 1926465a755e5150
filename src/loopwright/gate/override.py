"""Overrides: a named person lets a version ship that the gate did not approve, for a while, and the gate says so ever after.

The decision stays what it is. Without cases an override is of the one decision: the run that this was made on ships, for the
reasons that it gave. With cases, it sets these aside, in that decision and in later ones: what is approved without them ships.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from loopwright.audit.digest import content_id
from loopwright.gate.decision import GateDecision, Outcome, Overridden, Regression
from loopwright.stats.intervals import clopper_pearson
from loopwright.wording import counted, percent


@dataclass(frozen=True, slots=True)
class Override:
    """Who lets which decision ship, or which cases of it and since (none: the decision as it is), why, and until when."""

    decision_id: str
    by: str
    why: str
    at: datetime
    until: datetime
    eval_ids: tuple[str, ...] = ()
    withdrawn_at: datetime | None = None
    withdrawn_by: str = ""

    @property
    def override_id(self) -> str:
        """Derived from the decision, the person and the time."""
        return content_id("override", self.decision_id, self.by, self.at)

    def holds(self, at: datetime) -> bool:
        """Whether it is in force."""
        ended = self.withdrawn_at is not None and self.withdrawn_at <= at
        return self.at <= at < self.until and not ended


class OverrideRate(NamedTuple):
    """How many of the decisions were overridden, with the exact 95 % interval of the share."""

    overridden: int
    decisions: int
    low: float
    high: float


def set_aside(overrides: Iterable[Override], at: datetime) -> dict[str, Override]:
    """The cases that overrides in force name, each with the latest that names it."""
    return {eval_id: override for override in overrides if override.holds(at) for eval_id in override.eval_ids}


def says_no_more(decision: GateDecision, overridden: GateDecision) -> bool:
    """Whether a decision on the same run holds nothing against it that the overridden one did not."""
    return _against(decision) <= _against(overridden)


def overridden_by(overrides: Collection[Override]) -> Overridden:
    """What a decision says of the overrides that let it ship; raises `ValueError` without any."""
    if not overrides:
        raise ValueError("no override")
    unique = {override.override_id: override for override in overrides}
    return Overridden(
        tuple(unique),
        tuple(dict.fromkeys(o.by for o in unique.values())),
        tuple(dict.fromkeys(o.why for o in unique.values())),
        min(o.until for o in unique.values()),
        tuple(dict.fromkeys(eval_id for o in unique.values() for eval_id in o.eval_ids)),
    )


def override_rate(decision_ids: Collection[str], overrides: Iterable[Override]) -> OverrideRate:
    """Of all decisions, those that somebody overrode, for however long."""
    overridden = len({o.decision_id for o in overrides} & set(decision_ids))
    low, high = clopper_pearson(overridden, len(decision_ids))
    return OverrideRate(overridden, len(decision_ids), low, high)


def told_rate(rate: OverrideRate) -> str:
    """The rate in words."""
    share = percent(rate.overridden / rate.decisions) if rate.decisions else "none"
    interval = f"{share}, 95 % interval {percent(rate.low)} to {percent(rate.high)}"
    return f"{rate.overridden} of {counted(rate.decisions, 'decision')} overridden so far ({interval})"


def rate_beside(decision: GateDecision) -> str:
    """The rate among the decisions recorded before this one, in words; empty where there were none, or none is recorded."""
    rate = decision.statistics.get("overrides")
    return f"{told_rate(OverrideRate(**rate))}." if rate else ""


def _against(decision: GateDecision) -> set[tuple[str, str | None]]:
    found = {(r.level, r.eval_id or r.mode_id) for r in decision.regressions if isinstance(r, Regression)}
    gap = decision.statistics.get("sealed") or {}
    blocks = decision.decision is Outcome.BLOCKED and gap.get("found") and gap.get("policy") == "block"
    return {(str(level), what) for level, what in found} | ({("sealed", None)} if blocks else set())
