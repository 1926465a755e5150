"""The gate on simulated agents, where the truth is known: false blocks of an unchanged agent, one solved case or one mode lost.

    python bench/gate_simulation.py [--rounds N]

The pass rates of the cases are drawn from beta distributions such as repeated runs of real agents have.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from loopwright.evaluate.result import EvalResult
from loopwright.gate import simulate
from loopwright.gate.decide import decide
from loopwright.gate.decision import CaseRequest, GateDecision, Outcome, Regression

SHAPES = {"steady": (20.0, 0.1), "two-faced": (0.15, 0.2), "noisy": (0.6, 0.8), "good": (1.2, 0.2)}
REAL = ((0.58, 0.76), (0.13, 0.17), (0.14, 0.17), (0.28, 0.51), (1.26, 0.23), (0.8, 0.15))
"""Fitted to repeated runs of six agents on tau-bench, terminal-bench and grade-school mathematics."""
ALWAYS = 0.98
MODES, IN_MODE = 20, 10


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="not read")
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    unchanged(rng, args.rounds)
    one_lost(rng, args.rounds)
    one_mode_worse(rng, args.rounds)


def unchanged(rng: np.random.Generator, rounds: int) -> None:
    """The same pass rates on both sides, planned trials only."""
    print("An unchanged agent, in percent")
    print(f"{'pass rates':<12}{'cases':>7}{'trials':>8}{'approved':>10}{'undecided':>11}{'blocked':>9}")
    total: Counter[Outcome | None] = Counter()
    for shape, cases, (n0, n1) in (
        (shape, cases, trials) for shape in SHAPES for cases in (20, 80, 300) for trials in ((1, 1), (3, 2), (5, 5))
    ):
        counted: Counter[Outcome | None] = Counter()
        for _ in range(rounds):
            rates = rng.beta(*SHAPES[shape], cases)
            counted[decide(draw(rng, rates, n0), draw(rng, rates, n1)).decision] += 1
        total += counted
        print(f"{shape:<12}{cases:>7}{f'{n0} v {n1}':>8}{_percent(counted)}")
    print(f"{'all':<27}{_percent(total)}")


def one_lost(rng: np.random.Generator, rounds: int) -> None:
    """One trial of every case, then the repeats that the gate asks for, until it asks for none."""
    print("\nOne case that always passed, and now passes at the rate given; repeats as asked for")
    print(
        f"{'cases':>6}{'history':>9}{'now':>6}{'found':>8}{'blocked':>9}{'approved':>10}{'other blocked':>15}{'trials/case':>13}"
    )
    pool = np.concatenate([rng.beta(a, b, 400) for a, b in REAL])
    for cases in (100, 1000):
        for history in (5, 10):
            for now in (None, 0.0, 0.25, 0.5):
                print(_lost(rng, pool, cases, history, now, rounds if cases == 100 else max(1, rounds // 4)))


def _lost(rng: np.random.Generator, pool: NDArray[np.float64], cases: int, history: int, now: float | None, rounds: int) -> str:
    counted: Counter[str] = Counter()
    trials = 0
    for _ in range(rounds):
        before = rng.choice(pool, cases)
        lost = int(rng.choice(np.flatnonzero(before >= ALWAYS)))
        after = before.copy()
        if now is not None:
            after[lost] = now
        decision, used = until_decided(rng, draw(rng, before, history), after)
        trials += used
        blocked = {r.eval_id for r in decision.regressions if isinstance(r, Regression) and r.level == "case"}
        counted[decision.decision.value if decision.decision is not None else ""] += 1
        counted["found"] += now is not None and f"case-{lost}" in blocked
        counted["other"] += bool(blocked - ({f"case-{lost}"} if now is not None else set()))
    share = {name: f"{100 * counted[name] / rounds:.0f} %" for name in ("found", "blocked", "approved", "other")}
    rate = "same" if now is None else f"{100 * now:.0f} %"
    return (
        f"{cases:>6}{history:>9}{rate:>6}{share['found']:>8}{share['blocked']:>9}{share['approved']:>10}{share['other']:>15}"
        f"{trials / rounds / cases:>13.3f}"
    )


def one_mode_worse(rng: np.random.Generator, rounds: int) -> None:
    """Twenty modes of ten cases, of which one passes less often by so many points, case by case; repeats as asked for."""
    print("\nTwenty modes of ten cases; the cases of one pass less often, by the drop given; repeats as asked for")
    print(
        f"{'history':>7}{'trials':>8}{'drop':>6}{'found':>8}{'blocked':>9}{'approved':>10}{'other mode':>12}{'trials/case':>13}"
    )
    pool = np.concatenate([rng.beta(a, b, 400) for a, b in REAL])
    for history, trials, drop in ((5, 1, 0.0), (5, 1, 0.6), (5, 1, 0.3), (10, 1, 0.3), (5, 3, 0.0), (5, 3, 0.3), (10, 3, 0.3)):
        print(_mode_lost(rng, pool, history, trials, drop, rounds))


def _mode_lost(rng: np.random.Generator, pool: NDArray[np.float64], history: int, trials: int, drop: float, rounds: int) -> str:
    counted: Counter[str] = Counter()
    used = 0
    for _ in range(rounds):
        before = rng.choice(pool, (MODES, IN_MODE))
        worse = int(rng.choice(np.flatnonzero(before.mean(axis=1) >= drop)))
        after = before.copy()
        after[worse] = np.clip(after[worse] - drop, 0.0, 1.0)
        decision, took = until_decided(rng, draw(rng, before.ravel(), history, IN_MODE), after.ravel(), trials, IN_MODE)
        used += took
        modes = {r.mode_id for r in decision.regressions if isinstance(r, Regression) and r.level == "mode"}
        real = {f"mode-{worse}"} if drop else set()
        counted[decision.decision.value if decision.decision is not None else ""] += 1
        counted["found"] += bool(modes & real)
        counted["other"] += bool(modes - real)
    share = {name: f"{100 * counted[name] / rounds:.0f} %" for name in ("found", "blocked", "approved", "other")}
    return (
        f"{history:>7}{trials:>8}{100 * drop:>6.0f}{share['found']:>8}{share['blocked']:>9}{share['approved']:>10}"
        f"{share['other']:>12}{used / rounds / MODES / IN_MODE:>13.3f}"
    )


def until_decided(
    rng: np.random.Generator, before: list[EvalResult], rates: NDArray[np.float64], trials: int = 1, in_mode: int = 0
) -> tuple[GateDecision, int]:
    """Run what the gate asks for until it decides, and knows what is lost; the decision and the trials that it took."""
    candidate = draw(rng, rates, trials, in_mode)
    ran = len(candidate)

    def run(asked: CaseRequest) -> list[EvalResult]:
        nonlocal ran
        case = int(asked.eval_id.removeprefix("case-"))
        ran += asked.trials
        passed = rng.random(asked.trials) < rates[case]
        return [_row(case, bool(ok), ran - i, in_mode, repeat=asked.repeat) for i, ok in enumerate(passed)]

    decision, rows = simulate.until_decided(before, candidate, run)
    return decision, len(rows)


def draw(rng: np.random.Generator, rates: NDArray[np.float64], trials: int, in_mode: int = 0) -> list[EvalResult]:
    """So many trials of every case; with `in_mode`, so many cases each are a mode."""
    passed = rng.random((len(rates), trials)) < rates[:, None]
    return [_row(i, bool(passed[i, t]), t, in_mode) for i in range(len(rates)) for t in range(trials)]


def _row(case: int, passed: bool, trial: int, in_mode: int, repeat: bool = False) -> EvalResult:
    mode = f"mode-{case // in_mode}" if in_mode else None
    return EvalResult(f"case-{case}", passed, trial=trial, mode_id=mode, repeat=repeat)


def _percent(counted: Counter[Outcome | None]) -> str:
    columns = ((Outcome.APPROVED, 10), (Outcome.UNDECIDED, 11), (Outcome.BLOCKED, 9))
    return "".join(f"{100 * counted[outcome] / counted.total():>{width}.1f}" for outcome, width in columns)


if __name__ == "__main__":
    main()
