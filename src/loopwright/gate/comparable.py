"""Which results two sides have in common. A suite grows; what stands in it unchanged is compared case by case.

Suites with one digest are alike as a whole. Where they differ, a case is the same on both sides when its own digest is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from loopwright.evaluate.result import EvalResult
from loopwright.gate.judges import judged_by_others


@dataclass(frozen=True, slots=True)
class Comparable:
    """The results of both sides without those of cases that cannot be compared.

    `changed` are the cases that are not one and the same throughout. `gone` are those that the candidate lacks where the suites
    differ: of its suite no longer, or not run.
    """

    baseline: tuple[EvalResult, ...]
    candidate: tuple[EvalResult, ...]
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteChange:
    """What became of a baseline's cases when a run joined it, by id."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def suites_differ(baseline: Iterable[EvalResult], candidate: Iterable[EvalResult]) -> bool:
    """Whether the rows are of more than one suite, as far as they say."""
    before, after = _suites(baseline), _suites(candidate)
    return len(after) > 1 or bool(before and after and before != after)


def comparable(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], corrected: Collection[str] = ()) -> Comparable:
    """Leave out what cannot be compared: cases with more than one digest or judge over both sides, and those that are gone.

    More than one judge is no hindrance for cases whose rates are `corrected` for it. The order of results does not matter. Where
    suites differ, every row must have a `case_digest`; without one its case counts as the same, unless every row of the baseline
    has one: a candidate that leaves it out may hide a change.
    """
    digests: dict[str, str] = {}
    changed: set[str] = set()
    for rows in (baseline, candidate):
        for r in rows:
            digest = r.case_digest
            if digest and digests.setdefault(r.eval_id, digest) != digest:
                changed.add(r.eval_id)
    if baseline and all(r.case_digest for r in baseline):
        known = {r.eval_id for r in baseline}
        changed |= {r.eval_id for r in candidate if not r.case_digest and r.eval_id in known}
    changed |= judged_by_others(baseline, candidate) - set(corrected)
    lacking = {r.eval_id for r in baseline} - {r.eval_id for r in candidate} - changed
    gone = lacking if suites_differ(baseline, candidate) else set()
    left_out = changed | gone
    return Comparable(
        tuple(r for r in baseline if r.eval_id not in left_out) if left_out else tuple(baseline),
        tuple(r for r in candidate if r.eval_id not in left_out) if left_out else tuple(candidate),
        tuple(sorted(changed)),
        tuple(sorted(gone)),
    )


def current(runs: Sequence[Sequence[EvalResult]]) -> list[list[EvalResult]]:
    """The results of a history, run by run, oldest first, that are of the cases as its newest run has them.

    What an older run says of a case that was changed or removed since is history no longer.
    """
    if not runs:
        return []
    newest = runs[-1]
    suites, digests = _suites(newest), _digests(newest)
    return [*([r for r in run if _stands(r, suites, digests)] for run in runs[:-1]), list(newest)]


def suite_change(before: Sequence[EvalResult], after: Sequence[EvalResult]) -> SuiteChange:
    """What differs between the cases of two baselines."""
    old, new = ({r.eval_id for r in rows} for rows in (before, after))
    was, now = _digests(before), _digests(after)
    changed = {eval_id for eval_id in old & new if was.get(eval_id, now.get(eval_id)) != now.get(eval_id, was.get(eval_id))}
    return SuiteChange(tuple(sorted(new - old)), tuple(sorted(changed)), tuple(sorted(old - new)))


def _stands(row: EvalResult, suites: set[str], digests: dict[str, str]) -> bool:
    known = digests.get(row.eval_id)
    if known and row.case_digest:
        return row.case_digest == known
    return not suites or row.suite_digest is None or row.suite_digest in suites


def _suites(rows: Iterable[EvalResult]) -> set[str]:
    return {r.suite_digest for r in rows if r.suite_digest is not None}


def _digests(rows: Iterable[EvalResult]) -> dict[str, str]:
    return {r.eval_id: r.case_digest for r in rows if r.case_digest}
