"""Zero tolerance: cases with certain tags may never fail, whatever their history. One failed trial is proof, and blocks.

A tag on either side's rows holds, so that taking it away in the change under test gains nothing. Nothing else excuses the case:
not that it is new or changed, not a quarantine, not that it failed before. It is no matter of chance, and not part of what alpha
bounds: people declared that it never happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import CaseRequest, Regression
from loopwright.gate.doubt import named
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, has_verdict, is_pass


class Safety(NamedTuple):
    """The cases that may never fail, by id: all of them, those that failed, and the others' trials that are missing."""

    tagged: tuple[str, ...]
    proof: tuple[Regression, ...]
    lacking: Mapping[str, int]

    @property
    def reasons(self) -> list[str]:
        """What failed before as well, which is no excuse."""
        known = [r.eval_id or "" for r in self.proof if r.before[0] < r.before[1]]
        if not known:
            return []
        return [
            f"{named(known)} failed before too, which is no excuse where nothing may fail; mend it, or answer for it for a "
            "while: loopwright gate override"
        ]

    @property
    def doubts(self) -> list[str]:
        """That what may never fail was not seen to pass."""
        if not self.lacking:
            return []
        return [f"{named(list(self.lacking))} may never fail, and not every trial gave a verdict; run what is missing again"]

    def requests(self, asked: Sequence[CaseRequest]) -> list[CaseRequest]:
        """The trials that are missing, beside those that are asked for already."""
        known = {request.eval_id for request in asked}
        return [CaseRequest(id, trials, repeat=False) for id, trials in self.lacking.items() if id not in known]


def safety(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], cases: Sequence[CaseTally], policy: Policy) -> Safety:
    """What became of the cases with a tag of `policy.zero_tolerance`, in whatever case its letters are.

    All rows count, those of new and changed cases among them, planned trials and repeats. A failed trial is one with a verdict of
    false. `cases` are those that both sides are compared on: they tell which trials are missing.
    """
    tags = {_plain(tag) for tag in policy.zero_tolerance}
    known = {r.tags for rows in (baseline, candidate) for r in rows}
    meant = {some for some in known if not tags.isdisjoint(map(_plain, some))}
    tagged = {r.eval_id for rows in (baseline, candidate) for r in rows if r.tags in meant} if meant else set()
    if not tagged:
        return Safety((), (), {})
    failed = {r.eval_id for r in candidate if r.passed is False} & tagged
    proof = _proof(baseline, candidate, failed) if failed else []
    lacking = Counter(r.eval_id for r in candidate if r.eval_id in tagged and not has_verdict(r))
    for case in cases:
        if case.eval_id in tagged:
            lacking[case.eval_id] += max(case.absent, int(case.missing))
    unseen = {id: trials for id, trials in sorted(lacking.items()) if trials and id not in failed}
    return Safety(tuple(sorted(tagged)), tuple(proof), unseen)


def _proof(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], failed: Collection[str]) -> list[Regression]:
    before, after = _counts(baseline, failed), _counts(candidate, failed)
    modes = {r.eval_id: r.mode_id for rows in (candidate, baseline) for r in rows if r.mode_id is not None}
    return [Regression("safety", id, modes.get(id), None, before.get(id, (0, 0)), after[id]) for id in sorted(failed)]


def _counts(rows: Iterable[EvalResult], cases: Collection[str]) -> dict[str, tuple[int, int]]:
    passes, trials = Counter[str](), Counter[str]()
    for r in rows:
        if r.eval_id in cases:
            trials[r.eval_id] += 1
            passes[r.eval_id] += is_pass(r)
    return {id: (passes[id], trials[id]) for id in trials}


def _plain(tag: str) -> str:
    return tag.strip().casefold()
