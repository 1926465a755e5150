"""What evals take, by layer: money and time spent, expected, and kept within a budget."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loopwright.evaluate.case import Layer
from loopwright.evaluate.result import EvalResult

if TYPE_CHECKING:
    from loopwright.evaluate.trial import Trial

PROBES = 3
"""So many trials may tell no cost before a budget is said not to be kept."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LayerCost:
    """What one layer of a run took.

    `trials` were run and `left` were planned and not run. `seconds` is wall-clock time; the layers' add up to the run's.
    `cost_usd` is the sum of what trials told (None: none told any), `untold` the number of trials that did not.
    """

    layer: Layer
    cases: int
    trials: int
    left: int = 0
    seconds: float | None = None
    cost_usd: float | None = None
    untold: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one layer of a run is expected to take, from `history` earlier trials of the layer.

    `seconds` and `cost_usd` are None where the history tells nothing of them.
    """

    layer: Layer
    cases: int
    trials: int
    history: int
    seconds: float | None = None
    cost_usd: float | None = None


def took(results: Iterable[EvalResult], left: Iterable[Trial], seconds: Mapping[Layer, float]) -> tuple[LayerCost, ...]:
    """What each layer took that has results or trials left, in the order of the layers."""
    rows: dict[Layer, list[EvalResult]] = defaultdict(list)
    for result in results:
        rows[layer_of(result)].append(result)
    lacking: dict[Layer, list[str]] = defaultdict(list)
    for trial in left:
        lacking[trial.case.layer].append(trial.case.id)
    return tuple(
        LayerCost(
            layer,
            cases=len({r.eval_id for r in rows[layer]} | set(lacking[layer])),
            trials=len(rows[layer]),
            left=len(lacking[layer]),
            seconds=seconds.get(layer),
            cost_usd=_sum(r.cost_usd for r in rows[layer]),
            untold=sum(r.cost_usd is None for r in rows[layer]),
        )
        for layer in Layer
        if rows[layer] or lacking[layer]
    )


def working_seconds(results: Iterable[EvalResult], concurrency: int) -> dict[Layer, float]:
    """How long the trials of each layer would have taken, `concurrency` at a time without a pause."""
    seconds: dict[Layer, float] = defaultdict(float)
    for result in results:
        seconds[layer_of(result)] += (result.latency_ms or 0.0) / 1000 / concurrency
    return dict(seconds)


def estimate(planned: Iterable[Trial], history: Sequence[EvalResult], concurrency: int) -> tuple[Estimate, ...]:
    """What the trials are expected to take: the layer's mean cost and time of a trial, times their number.

    Time is that of `concurrency` trials at once without a pause, and of one trial at least.
    """
    trials: dict[Layer, list[str]] = defaultdict(list)
    for trial in planned:
        trials[trial.case.layer].append(trial.case.id)
    made = []
    for layer in (layer for layer in Layer if trials[layer]):
        known = [r for r in history if layer_of(r) is layer]
        number = len(trials[layer])
        latency, cost = _mean(r.latency_ms for r in known), _mean(r.cost_usd for r in known)
        seconds = None if latency is None else latency / 1000 * max(1.0, number / concurrency)
        made.append(
            Estimate(layer, len(set(trials[layer])), number, len(known), seconds, None if cost is None else cost * number)
        )
    return tuple(made)


class Budget:
    """A limit in dollars, and which trials still fit under it.

    A trial is taken to cost as much as the dearest of its layer so far, in `history` or in this run, so that the limit holds
    as long as no trial is dearer than all before it. Of a layer without any known cost one trial is run at a time.
    """

    def __init__(self, limit_usd: float, history: Iterable[EvalResult] = ()) -> None:
        self.limit_usd = limit_usd
        self.spent_usd = 0.0
        self._dearest: dict[Layer, float] = {}
        self._untold: Counter[Layer] = Counter()
        for result in history:
            self._learn(result)
        self._untold.clear()

    def pay(self, result: EvalResult) -> None:
        """Count what a trial of this run cost; one that does not tell counts as the dearest of its layer."""
        self._learn(result)
        cost = result.cost_usd if result.cost_usd is not None else self._dearest.get(layer_of(result), 0.0)
        self.spent_usd += cost

    def affordable(self, left: Iterable[Trial]) -> list[Trial]:
        """The trials to run next, at once, in their order; none where the budget allows no more."""
        room = self.limit_usd - self.spent_usd + _ROUNDING
        chosen: list[Trial] = []
        probed: set[Layer] = set()
        for trial in left:
            layer = trial.case.layer
            price = self._dearest.get(layer)
            if price is None:
                if layer not in probed and self._untold[layer] < PROBES and room > _ROUNDING:
                    probed.add(layer)
                    chosen.append(trial)
            elif price <= room:
                room -= price
                chosen.append(trial)
        return chosen

    def why_stopped(self, left: Sequence[Trial]) -> str:
        """Why none of these is affordable, in words."""
        silent = [layer for layer in Layer if self._untold[layer] >= PROBES and layer not in self._dearest]
        if any(trial.case.layer in silent for trial in left):
            return "the agent tells no cost, so that a budget cannot be kept; have it answer with cost_usd"
        rest = max(0.0, self.limit_usd - self.spent_usd)
        least = min((self._dearest[t.case.layer] for t in left if t.case.layer in self._dearest), default=None)
        more = "" if least is None else f", and a trial cost up to {dollars(least)}"
        return f"{dollars(rest)} of the budget of {dollars(self.limit_usd)} is left{more}"

    def _learn(self, result: EvalResult) -> None:
        layer = layer_of(result)
        if result.cost_usd is None:
            self._untold[layer] += 1
        else:
            self._dearest[layer] = max(self._dearest.get(layer, 0.0), result.cost_usd)


def layer_of(result: EvalResult) -> Layer:
    """The layer that a result is of; one that does not say is of the first."""
    return Layer(result.layer) if result.layer in {layer.value for layer in Layer} else Layer.DETERMINISTIC


def dollars(amount: float) -> str:
    """An amount of money, with cents, or as many digits as a small one needs."""
    digits = 2 if amount >= 0.1 or amount < 1e-9 else 2 - math.floor(math.log10(amount))
    return "$" + (f"{amount:.2f}" if digits == 2 else f"{amount:.{digits}f}".rstrip("0"))


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
