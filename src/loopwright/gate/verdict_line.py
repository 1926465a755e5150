"""What a decision says in words, in one line that comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loopwright.gate.decision import Outcome, Regression
from loopwright.gate.doubt import named
from loopwright.gate.levels import CaseLevel, GroupEvidence
from loopwright.gate.tally import Tally
from loopwright.wording import percent


def message(outcome: Outcome, reasons: list[str], regressions: list[Regression], suite: GroupEvidence, fell: bool) -> str:
    """The outcome, why, and both pass rates; `fell` says whether any case passed less often."""
    if outcome is Outcome.UNDECIDED:
        return f"Undecided: {reasons[0]}."
    rates = f"{_percent(suite.before)} of trials passed before and {_percent(suite.after)} now"
    if outcome is Outcome.BLOCKED:
        levels = dict.fromkeys(r.level for r in regressions)
        return f"Blocked: {' and '.join(_WHAT[level] for level in levels)}; {rates}."
    return f"Approved: no regression {'shown' if fell else 'found'}; {rates}."


def remarks(outcome: Outcome, counted: Tally, level: CaseLevel, suite: GroupEvidence, fell: Sequence[dict[str, Any]]) -> str:
    """What an approval does not cover."""
    if outcome is not Outcome.APPROVED:
        return ""
    suspects = [e.case.eval_id for e in level.evidence if e.open]
    remarks = []
    if suite.in_doubt:
        repeated = any(c.after.repeats for c in counted.cases)
        why = "the solved cases that failed passed again when repeated" if repeated else "no solved case is in doubt for it"
        remarks.append(f"So much falls seldom, but {why}: {named([f['eval_id'] for f in fell])}")
    if suspects:
        remarks.append(f"Within the noise, but worth a repeat: {named(suspects)}")
    if counted.new:
        remarks.append(f"New, and not compared: {named(counted.new)}")
    return "".join(f" {remark}." for remark in remarks)


_WHAT = {
    "suite": "the suite's pass rate fell",
    "mode": "a failure mode got worse",
    "case": "a solved case was lost",
    "deterministic": "a deterministic case that passed fails",
    "safety": "a case that may never fail failed",
    "cost": "it costs more than its margin allows",
    "latency": "it takes longer than its margin allows",
    "tokens": "it uses more tokens than its margin allows",
    "judged": "more fell than the errors of two judges explain",
}


def _percent(counts: tuple[int, int]) -> str:
    return percent(counts[0] / counts[1]) if counts[1] else "no trials"
