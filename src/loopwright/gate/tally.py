"""Trials are counted: per case, what the baseline showed and what the candidate shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median_high

from loopwright.evaluate.result import EvalResult


@dataclass(frozen=True, slots=True)
class Count:
    """One case's trials on one side. `errors` are trials without a verdict; `repeats` were added because of earlier results.

    A trial that is not a pass is a failure, whether it has a verdict or not: `trials - passes`. `passes`, `trials` and `errors`
    count planned trials only.
    """

    passes: int = 0
    trials: int = 0
    errors: int = 0
    repeat_passes: int = 0
    repeats: int = 0
    runs: int = 0

    @property
    def all_passes(self) -> int:
        """Passes of planned trials and repeats."""
        return self.passes + self.repeat_passes

    @property
    def all_trials(self) -> int:
        """Planned trials and repeats."""
        return self.trials + self.repeats

    @property
    def failures(self) -> int:
        """Trials, planned or repeats, that did not pass."""
        return self.all_trials - self.all_passes


@dataclass(frozen=True, slots=True)
class CaseTally:
    """One case on both sides. `absent` is the number of trials that the candidate should have and has not.

    `failed_outright` is true where the candidate has a verdict of false, and not only trials without one. What a `quarantined`
    case shows counts with its mode and the suite, and not for itself.
    """

    eval_id: str
    before: Count
    after: Count
    mode_id: str | None = None
    deterministic: bool = False
    absent: int = 0
    failed_outright: bool = False
    quarantined: bool = False

    @property
    def missing(self) -> bool:
        """The candidate has no trial of this case."""
        return self.after.all_trials == 0

    @property
    def planned_after(self) -> tuple[int, int]:
        """(passes, planned trials) of the candidate, absent trials counted as failures."""
        return self.after.passes, self.after.trials + self.absent


@dataclass(frozen=True, slots=True)
class Tally:
    """All cases of the baseline, by id, and what the candidate has beside them."""

    cases: tuple[CaseTally, ...] = ()
    new: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    error_share_before: float = 0.0
    error_share_after: float = 0.0
    missing: tuple[str, ...] = ()


def is_pass(result: EvalResult) -> bool:
    """A pass is a verdict of true, without an error and without a score that is no number."""
    return result.passed is True and not result.error and (result.score is None or math.isfinite(result.score))


def has_verdict(result: EvalResult) -> bool:
    """False for a trial that could not be judged: no verdict, or a pass that an error or a non-finite score contradicts."""
    return result.passed is False or is_pass(result)


def tally(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], quarantined: Collection[str] = ()) -> Tally:
    """Count both sides. The order of the rows does not matter. `quarantined` are ids of cases.

    A case is due as many trials as the candidate's cases usually have, fewer in proportion where the baseline's runs gave it
    fewer than the others. Repeats stand in for none of them: they were chosen by what the first trials showed.
    """
    before, after = _count(baseline), _count(candidate)
    modes = {**_modes(candidate), **_modes(baseline)}
    declared = {r.eval_id for rows in (baseline, candidate) for r in rows if r.deterministic}
    outright = {r.eval_id for r in candidate if r.passed is False}
    usual = median_high([after.get(eval_id, Count()).trials for eval_id in before]) if before else 1
    per_run = {eval_id: math.ceil(old.trials / max(1, old.runs)) for eval_id, old in before.items()}
    usual_before = median_high(per_run.values()) if before else 1
    cases = []
    for eval_id in sorted(before):
        old, new = before[eval_id], after.get(eval_id, Count())
        due = max(1, usual * min(per_run[eval_id], usual_before) // max(1, usual_before))
        absent = max(0, due - new.trials) if usual or not new.repeats else 0
        told = (modes.get(eval_id), eval_id in declared, absent, eval_id in outright, eval_id in quarantined)
        cases.append(CaseTally(eval_id, old, new, *told))
    return Tally(
        cases=tuple(cases),
        new=tuple(sorted(set(after) - set(before))),
        failing=tuple(sorted(eval_id for eval_id, count in after.items() if count.failures)),
        error_share_before=_error_share(before.values(), 0),
        error_share_after=_error_share((c.after for c in cases), sum(c.absent for c in cases if not c.missing)),
        missing=tuple(c.eval_id for c in cases if c.missing),
    )


def duplicates(results: Iterable[EvalResult]) -> list[tuple[str, str, int]]:
    """The (run_id, eval_id, trial) that occur more than once, in order."""
    keys = [(r.run_id, r.eval_id, r.trial) for r in results]
    return [] if len(set(keys)) == len(keys) else sorted(key for key, times in Counter(keys).items() if times > 1)


def _count(results: Sequence[EvalResult]) -> dict[str, Count]:
    """Each case's trials, the cases in the order in which they are met."""
    counts: dict[str, list[int]] = {}
    runs: dict[str, set[str]] = {}
    for r in results:
        eval_id = r.eval_id
        row = counts.get(eval_id)
        if row is None:
            row = counts[eval_id] = [0, 0, 0, 0, 0]
            runs[eval_id] = set()
        passed = r.passed is True and is_pass(r)
        if r.repeat:
            row[_REPEATS] += 1
            row[_REPEAT_PASSES] += passed
        else:
            row[_TRIALS] += 1
            row[_PASSES] += passed
            row[_ERRORS] += not (passed or r.passed is False)
            runs[eval_id].add(r.run_id)
    alike: dict[tuple[int, ...], Count] = {}
    made = {}
    for eval_id, row in counts.items():
        told = (*row, len(runs[eval_id]))
        count = alike.get(told)
        if count is None:
            count = alike[told] = Count(*told)
        made[eval_id] = count
    return made


_PASSES, _TRIALS, _ERRORS, _REPEAT_PASSES, _REPEATS = range(5)


def _modes(results: Sequence[EvalResult]) -> dict[str, str]:
    """Each case's mode; where rows differ, the first by name, so that the order of rows does not matter."""
    modes: dict[str, str] = {}
    for r in results:
        mode_id = r.mode_id
        if mode_id is not None and (mode_id < modes.setdefault(r.eval_id, mode_id)):
            modes[r.eval_id] = mode_id
    return modes


def _error_share(counts: Iterable[Count], absent: int) -> float:
    counts = list(counts)
    trials = sum(c.trials for c in counts) + absent
    return (sum(c.errors for c in counts) + absent) / trials if trials else 0.0
