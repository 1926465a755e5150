"""What the gate would do with agents whose change is known, on a suite and a history as they are.

In each round the true pass rate of every case is drawn from what its history supports, a history is drawn anew from these rates,
and a candidate whose rates are the same, or lower in a known way. The gate decides on the two as it would on real ones, and what
it asks for is run, until it decides or asks for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import CaseRequest, GateDecision, Outcome, Regression
from loopwright.gate.levels import is_solved
from loopwright.gate.policy import Policy
from loopwright.gate.tally import is_pass, tally
from loopwright.stats.beta_binomial import fit, posterior

if TYPE_CHECKING:
    Rng = np.random.Generator

Floats = NDArray[np.float64]
Run = Callable[[CaseRequest], Sequence[EvalResult]]
"""Runs the trials of one request; each row has another trial number than any before it."""

MOST_LOOKS = 60


@dataclass(frozen=True, slots=True)
class Scenario:
    """One change of an agent, or none.

    `of` says what falls: nothing, one case that counts as solved, all cases of one mode, or all of the suite. `points` is by how
    much, as a share: of a case, its pass rate is 1 - `points` afterwards; of a mode, each case passes so much less often, as far
    as it can; of the suite, all cases pass less often in one proportion, so that their mean falls by so much.
    """

    of: Literal["nothing", "case", "mode", "suite"] = "nothing"
    points: float = 0.0


@dataclass(frozen=True, slots=True)
class Subject:
    """A suite and its history, for simulation; `subject` makes it.

    `rows` are the history's trials, and `places` the case of each by its index in `eval_ids`. `a` and `b`, one entry a case, are
    the beta distribution of what its true pass rate may be; a `sure` case always passes or never does. `modes` are the cases of
    each mode by index.
    """

    eval_ids: tuple[str, ...]
    rows: tuple[EvalResult, ...]
    places: NDArray[np.int64]
    a: Floats
    b: Floats
    sure: NDArray[np.bool_]
    modes: tuple[tuple[str, NDArray[np.int64]], ...] = ()
    quarantined: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Played:
    """One round: the outcome, whether what fell was named (None where nothing fell), and what it took.

    `trials` were run of the candidate, `most` of the case tried most often; `dollars` is their cost, None where the history tells
    none.
    """

    outcome: Outcome
    found: bool | None
    trials: int
    most: int
    dollars: float | None = None


def seeded(seed: int) -> Rng:
    """The random numbers of a simulation: the same for the same seed."""
    return np.random.Generator(np.random.PCG64(seed))


def scenarios(drops: Sequence[float] = (0.05, 0.1)) -> tuple[Scenario, ...]:
    """The changes that are simulated: none, a case lost or half lost, a mode by 30 or 60 points, the suite by each of `drops`."""
    suite = tuple(Scenario("suite", drop) for drop in drops)
    return (Scenario(), Scenario("case", 1.0), Scenario("case", 0.5), Scenario("mode", 0.3), Scenario("mode", 0.6), *suite)


def subject(history: Sequence[EvalResult], quarantined: Collection[str] = (), runs: int | None = None) -> Subject:
    """What a history supports: a beta distribution fitted to all cases (`stats.beta_binomial.fit`), updated by each one's own.

    With `runs` the history that is drawn has so many runs with one trial a case, instead of the runs that there are; what is
    believed of the pass rates stays. Deterministic cases keep the rate that they had. What a row says beside its verdict (cost,
    time, tokens, tags) is drawn from the rows of its case. Raises `ValueError` without rows.
    """
    if not history:
        raise ValueError("a history without rows supports nothing")
    stripped = [_stripped(row) for row in history]
    counted = tally(stripped, ())
    index = {case.eval_id: i for i, case in enumerate(counted.cases)}
    counts = [(case.before.all_passes, case.before.all_trials) for case in counted.cases]
    sure = np.array([case.deterministic for case in counted.cases])
    noisy = [count for count, is_sure in zip(counts, sure, strict=True) if not is_sure]
    belief = fit([x for x, _ in noisy], [n for _, n in noisy])
    known = np.array([posterior(belief, x, n) for x, n in counts])
    rows = stripped if runs is None else _anew(stripped, runs)
    members: dict[str, list[int]] = {}
    for i, case in enumerate(counted.cases):
        if case.mode_id is not None and not case.deterministic:
            members.setdefault(case.mode_id, []).append(i)
    return Subject(
        eval_ids=tuple(index),
        rows=tuple(rows),
        places=np.array([index[row.eval_id] for row in rows]),
        a=known[:, 0],
        b=known[:, 1],
        sure=sure,
        modes=tuple((name, np.array(members[name])) for name in sorted(members)),
        quarantined=frozenset(quarantined),
    )


def play(rng: Rng, of: Subject, scenario: Scenario, trials: int, policy: Policy) -> Played | None:
    """One round with so many planned trials a case; None where the draw has nothing that could fall so.

    That is no solved case, no mode that passes often enough to lose so many points, no suite that does.
    """
    rates = rng.beta(of.a, of.b)
    rates[of.sure] = of.a[of.sure] >= of.b[of.sure]
    before = [
        replace(row, passed=bool(passed))
        for row, passed in zip(of.rows, rng.random(len(of.rows)) < rates[of.places], strict=True)
    ]
    change = _change(rng, of, scenario, rates, before, policy)
    if change is None:
        return None
    now, fallen = change
    candidate = _Candidate(rng, of, now)
    part = scenario.of in ("case", "mode")
    decision, rows = until_decided(before, candidate.planned(trials), candidate.run, policy, of.quarantined, to_name=part)
    taken = np.bincount([candidate.index[row.eval_id] for row in rows])
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    return Played(
        outcome=decision.decision or Outcome.UNDECIDED,
        found=None if scenario.of == "nothing" else any(fallen in (r.eval_id, r.mode_id, r.level) for r in _named(decision)),
        trials=len(rows),
        most=int(taken.max()),
        dollars=math.fsum(costs) / len(costs) * len(rows) if costs else None,
    )


def until_decided(
    before: Sequence[EvalResult],
    candidate: Iterable[EvalResult],
    run: Run,
    policy: Policy | None = None,
    quarantined: Collection[str] = (),
    *,
    to_name: bool = True,
) -> tuple[GateDecision, list[EvalResult]]:
    """Run what the gate asks for until it decides or asks for nothing; the decision, and all rows of the candidate.

    With `to_name`, where the suite's test blocks, what the gate asks for to name the cases is run too. It ends after sixty looks
    at the latest.
    """
    rows = list(candidate)
    decision = decide(before, rows, policy, quarantined=quarantined)
    for _ in range(MOST_LOOKS):
        named = any(r.level != "suite" or not to_name for r in _named(decision))
        if decision.decision is Outcome.APPROVED or named or not decision.next:
            break
        for request in decision.next:
            rows.extend(run(request))
        decision = decide(before, rows, policy, quarantined=quarantined)
    return decision, rows


class _Candidate:
    """An agent with known pass rates, one entry a case, that can be run; each trial has a number of its own."""

    def __init__(self, rng: Rng, of: Subject, rates: Floats) -> None:
        self.index = {eval_id: i for i, eval_id in enumerate(of.eval_ids)}
        self._rng, self._rates, self._ran = rng, rates, 0
        self._known: list[list[EvalResult]] = [[] for _ in of.eval_ids]
        for row, place in zip(of.rows, of.places.tolist(), strict=True):
            self._known[place].append(row)

    def planned(self, trials: int) -> list[EvalResult]:
        return [self._trial(i, repeat=False) for i in range(len(self._known)) for _ in range(trials)]

    def run(self, request: CaseRequest) -> list[EvalResult]:
        return [self._trial(self.index[request.eval_id], request.repeat) for _ in range(request.trials)]

    def _trial(self, case: int, repeat: bool) -> EvalResult:
        self._ran += 1
        like, luck = self._known[case], self._rng.random(2)
        row = like[int(luck[0] * len(like))]
        return replace(row, run_id="candidate", trial=self._ran, repeat=repeat, passed=bool(luck[1] < self._rates[case]))


def _stripped(row: EvalResult) -> EvalResult:
    """A row without what only its own trial had, or what tells which suite and version it is of."""
    return replace(
        row, passed=is_pass(row), error=None, score=None, output="", messages=(), checks=(), version=None, suite_digest=None,
        case_digest=None,
    )  # fmt: skip


def _anew(rows: Sequence[EvalResult], runs: int) -> list[EvalResult]:
    """One row a case in each of so many runs."""
    newest = {row.eval_id: row for row in rows}
    return [replace(row, run_id=f"run-{run}", trial=0, repeat=False) for run in range(runs) for row in newest.values()]


def _change(
    rng: Rng, of: Subject, scenario: Scenario, rates: Floats, before: Sequence[EvalResult], policy: Policy
) -> tuple[Floats, str] | None:
    """The pass rates afterwards, and the name of what fell; None where nothing can fall so."""
    if scenario.of == "nothing":
        return rates, ""
    now = rates.copy()
    if scenario.of == "suite":
        noisy = ~of.sure
        mean = float(rates[noisy].mean()) if noisy.any() else 0.0
        now[noisy] *= 1 - scenario.points / mean if mean > scenario.points else 0.0
        return (now, "suite") if mean > scenario.points else None
    if scenario.of == "mode":
        able = [(name, cases) for name, cases in of.modes if rates[cases].mean() >= scenario.points]
        if not able:
            return None
        name, cases = able[int(rng.integers(len(able)))]
        now[cases] = np.maximum(0.0, rates[cases] - scenario.points)
        return now, name
    solved = _solved(before, of, policy)
    if not solved:
        return None
    lost = solved[int(rng.integers(len(solved)))]
    now[lost] = 1 - scenario.points
    return now, of.eval_ids[lost]


def _solved(before: Sequence[EvalResult], of: Subject, policy: Policy) -> list[int]:
    """The cases that the gate counts as solved by this history, and would hold for lost: by index."""
    cases = tally(before, (), of.quarantined).cases
    noisy = [c for c in cases if not c.deterministic]
    belief = fit([c.before.all_passes for c in noisy], [c.before.all_trials for c in noisy])
    return [i for i, c in enumerate(cases) if not c.deterministic and not c.quarantined and is_solved(c, belief, policy)]


def _named(decision: GateDecision) -> list[Regression]:
    return [r for r in decision.regressions if isinstance(r, Regression)]
