"""Which drops are seen where real pairs are few: pass rates fitted to real agents, lowered by so many points."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome
from loopwright.stats.beta_binomial import Beta, fit
from repeated_runs import Runs

ROUNDS = 100


class Design(NamedTuple):
    """So many cases, trials on both sides, a drop in points, and the share of blocked that is asked."""

    cases: int
    trials: tuple[int, int]
    drop: float
    asked: float | None


DESIGNS = (
    Design(80, (3, 2), 10, 0.95),
    Design(80, (3, 2), 9, 0.85),
    Design(80, (3, 2), 8, 0.85),
    Design(200, (3, 2), 5, 0.75),
    Design(200, (3, 2), 4.5, 0.75),
    Design(200, (3, 2), 4, 0.75),
    Design(400, (1, 1), 8, 0.95),
)


def power(sets: dict[str, dict[str, Runs]]) -> None:
    """Print how often a drop is blocked.

    A case's rate is lowered in one of two ways: every case passes less often by the same share, or some cases that passed are
    lost wholly, drawn by lot until the mean has fallen by so much.
    """
    agents = {name: runs for of in ("terminal_bench", "mast/ag2_math") for name, runs in sets[of].items()}
    beliefs = {name: _fitted(runs) for name, runs in agents.items()}
    chosen = [max(beliefs, key=lambda name: _mean(beliefs[name])), min(beliefs, key=lambda name: abs(_mean(beliefs[name]) - 0.5))]
    print(f"\nDrops of drawn agents, {ROUNDS} rounds a row; rates drawn from a beta distribution fitted to a real agent's")
    print(f"{'fitted to':<36}{'mean':>6}{'cases':>7}{'trials':>8}{'points':>8}{'asked':>7}{'every case':>18}{'cases lost':>18}")
    rng = np.random.default_rng(2)
    for name in chosen:
        belief = beliefs[name]
        for design in DESIGNS:
            cells = "".join(f"{_told(_outcomes(rng, belief, design, lost), design.asked):>18}" for lost in (False, True))
            asked = "" if design.asked is None else f"{design.asked:.0%}"
            sides = f"{design.trials[0]} v {design.trials[1]}"
            print(f"{name:<36}{_mean(belief):>6.2f}{design.cases:>7}{sides:>8}{design.drop:>8g}{asked:>7}{cells}")


def _outcomes(rng: np.random.Generator, belief: Beta, design: Design, lost: bool) -> Counter[Outcome | None]:
    counted: Counter[Outcome | None] = Counter()
    for _ in range(ROUNDS):
        before = rng.beta(*belief, design.cases)
        after = _some_lost(rng, before, design.drop / 100) if lost else before * max(0.0, 1 - design.drop / 100 / before.mean())
        counted[decide(_drawn(rng, before, design.trials[0]), _drawn(rng, after, design.trials[1])).decision] += 1
    return counted


def _told(counted: Counter[Outcome | None], asked: float | None) -> str:
    share = counted[Outcome.BLOCKED] / counted.total()
    short = f" ({100 * (asked - share):.0f} below)" if asked is not None and share < asked else ""
    return f"{share:.1%}{short}"


def _some_lost(rng: np.random.Generator, rates: NDArray[np.float64], drop: float) -> NDArray[np.float64]:
    after, left = rates.copy(), drop * rates.size
    for case in rng.permutation(rates.size):
        taken = min(left, after[case])
        after[case] -= taken
        left -= taken
        if left <= 0:
            break
    return after


def _drawn(rng: np.random.Generator, rates: NDArray[np.float64], trials: int) -> list[EvalResult]:
    passed = rng.random((rates.size, trials)) < rates[:, None]
    return [EvalResult(f"case-{i}", bool(passed[i, t]), trial=t) for i in range(rates.size) for t in range(trials)]


def _fitted(runs: Runs) -> Beta:
    counts = [(sum(v is True for v in verdicts.values()), len(verdicts)) for verdicts in runs.values()]
    return fit([passes for passes, _ in counts], [trials for _, trials in counts])


def _mean(belief: Beta) -> float:
    return belief.a / (belief.a + belief.b)
