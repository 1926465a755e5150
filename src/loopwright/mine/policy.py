"""How much each type of signal counts, and what is done with it: the table that ranking stands on.

The weights follow the reliability that the source gives each type: high 1.0, medium 0.6, low 0.3. They are a default, not a
truth: `score` takes any table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Literal

from loopwright.mine.signal import FailureSignal, Signal

Reliability = Literal["high", "medium", "low"]

WEIGHT_OF: Mapping[Reliability, float] = MappingProxyType({"high": 1.0, "medium": 0.6, "low": 0.3})


@dataclass(frozen=True, slots=True)
class SignalPolicy:
    """One row: how reliable a type of signal is, why, and how it is handled.

    `surfaces` says when evidence of this type alone is shown: `at once`, as a `pattern` over several traces, or `never alone`.
    """

    type: FailureSignal
    source: str
    reliability: Reliability
    why: str
    surfaces: Literal["at once", "pattern", "never alone"]
    handling: str

    @property
    def weight(self) -> float:
        """What the signal's severity x confidence is multiplied by, in 0..1."""
        return WEIGHT_OF[self.reliability]


POLICIES: tuple[SignalPolicy, ...] = (
    SignalPolicy(
        FailureSignal.HARD_ERROR,
        "validation failures, exceptions",
        "high",
        "deterministic",
        "at once",
        "Each one surfaces immediately, ranked by severity; a single trace is enough.",
    ),
    SignalPolicy(
        FailureSignal.USER_CORRECTION,
        "thumbs down, re-asks, escalations",
        "high",
        "direct signal",
        "at once",
        "Surfaces at once, pinned to the user's own message; explicit feedback outranks what is read from wording.",
    ),
    SignalPolicy(
        FailureSignal.ABANDONMENT,
        "conversation abandonment, re-phrasing",
        "medium",
        "requires inference",
        "pattern",
        "One trace is a hint; it surfaces as a pattern, when several traces share it.",
    ),
    SignalPolicy(
        FailureSignal.LLM_JUDGE_FAIL,
        "automated scoring of sampled outputs",
        "medium",
        "requires calibration",
        "pattern",
        "Comes from a sample; counts as uncalibrated until the judge was compared with people.",
    ),
    SignalPolicy(
        FailureSignal.BUSINESS_METRIC,
        "conversion drop, support volume increase",
        "low",
        "low signal-to-noise, high stakes",
        "never alone",
        "Never acted on alone: it needs a change point in the metric, and other signals to say why.",
    ),
)

_NEVER_ALONE = frozenset(row.type for row in POLICIES if row.surfaces == "never alone")

WEIGHTS: Mapping[FailureSignal, float] = MappingProxyType({row.type: row.weight for row in POLICIES})


def score(signals: Iterable[Signal], weights: Mapping[FailureSignal, float] = WEIGHTS) -> float:
    """The weighted strength of a trace's signals, 1 - prod(1 - weight * severity * confidence), in 0..1.

    One more signal never lowers it, and their order does not matter.
    """
    return _any_of(weights[s.type] * s.severity * s.confidence for s in signals)


def alone(signals: Sequence[Signal]) -> bool:
    """Whether this is evidence that never counts alone: signals, and of no other type than one that surfaces `never alone`."""
    return bool(signals) and all(signal.type in _NEVER_ALONE for signal in signals)


def combined_severity(signals: Iterable[Signal]) -> float:
    """The signals of one trace or turn as one severity, 1 - prod(1 - severity * confidence), in 0..1."""
    return _any_of(s.severity * s.confidence for s in signals)


def strength(signal: Signal, weights: Mapping[FailureSignal, float] = WEIGHTS) -> float:
    """What one signal adds by itself: weight * severity * confidence."""
    return weights[signal.type] * signal.severity * signal.confidence


def by_strength(signals: Iterable[Signal], weights: Mapping[FailureSignal, float] = WEIGHTS) -> list[Signal]:
    """Signals, the strongest first; of equals, the one that points at the earlier message."""
    return sorted(signals, key=lambda s: (-strength(s, weights), s.where.message_index or 0, s.detector))


def _any_of(probabilities: Iterable[float]) -> float:
    return 1.0 - prod(sorted(1.0 - p for p in probabilities))
