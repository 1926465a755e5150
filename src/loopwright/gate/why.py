"""Why a decision is what it is: counts, formula with the numbers in it, level, what would have changed it, what to do next.

Everything is computed anew from the counts that the decision keeps, and each number can be computed again by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

from loopwright.collect.intake import printable
from loopwright.errors import UsageError
from loopwright.gate.counts import counted_cases
from loopwright.gate.decision import MARGINS, GateDecision, Outcome, Regression
from loopwright.gate.figures import suite_figures
from loopwright.gate.judged_told import told_judged
from loopwright.gate.levels import GroupEvidence, PlainLevel, both_sides, case_evidence, columns, suite_evidence
from loopwright.gate.margin_words import rows, why_margin
from loopwright.gate.modes import mode_losses
from loopwright.gate.policy import Policy
from loopwright.gate.policy_change import policy_of
from loopwright.gate.shape_words import told_scores
from loopwright.gate.tally import CaseTally
from loopwright.gate.why_case import why_case
from loopwright.gate.why_group import told_loss, told_test
from loopwright.stats.multiplicity import holm
from loopwright.stats.stratified import drop_test
from loopwright.wording import counted, percent

SUITE = "suite"
"""The name under which the suite as a whole is asked for."""
MOST = 3
"""So many modes, and so many cases, are explained where nobody named one."""
NAMED = 8


def why(decision: GateDecision, what: str | None = None) -> str:
    """Why the decision is what it is, or what one case, one failure mode or the `suite` says in it.

    Raises `UsageError` for a name that the decision does not know.
    """
    sections = [[f"{_word(decision)}  {decision.message.partition(': ')[2] or decision.message}"]]
    if "counts" in decision.statistics:
        sections += _Asked(decision).sections(what)
    elif decision.statistics.get("suite") is not None:
        sections += [["This decision was recorded without its counts, and nothing can be computed: run loopwright gate anew."]]
    elif what is not None:
        raise UsageError(f"the decision compared no cases, so that it says nothing of {what!r}; leave the name out")
    else:
        sections += [["No counts were compared, so that there is nothing to compute:", *_listed(decision.reasons)]]
    sections += [told_judged(decision)] if what is None or what == SUITE else []
    return "\n\n".join("\n".join(printable(line) for line in lines if line) for lines in [*sections, _next(decision)] if lines)


class _Asked:
    """A decision, with what it was computed from."""

    def __init__(self, decision: GateDecision) -> None:
        self.decision = decision
        self.policy = policy_of(decision.statistics.get("policy") or {"alpha": decision.statistics["alpha"]})
        quarantined = {row["eval_id"] for row in decision.statistics.get("quarantined") or ()}
        self.cases = counted_cases(decision.statistics["counts"], quarantined)
        self.level = case_evidence(self.cases, self.policy)
        self.losses = mode_losses(self.cases, self.level.belief, self.policy)
        self.known = {case.eval_id: case for case in self.cases}
        self.unsafe = {r.eval_id: r for r in decision.regressions if isinstance(r, Regression) and r.level == "safety"}
        self.modes = sorted({case.mode_id for case in self.cases if case.mode_id is not None})

    def sections(self, what: str | None) -> list[list[str]]:
        if what is None:
            return self._of_outcome()
        if what in self.known or what in self.unsafe:
            return [self._case(what)]
        if what in self.modes:
            return [self._mode(what)]
        if what == SUITE:
            return [self._suite()]
        if what in MARGINS:
            return [why_margin(self.decision, what)]
        for name, why_not in _NOT_COMPARED.items():
            if what in (self.decision.statistics.get(name) or ()):
                return [[f"Case {what}: {why_not}."]]
        near = get_close_matches(what, [*self.known, *self.modes, SUITE], 1)
        hint = f"; is {near[0]!r} meant?" if near else "; give a case, a failure mode, suite, cost, latency or tokens"
        raise UsageError(f"the decision knows no case or failure mode {what!r}{hint}")

    def _of_outcome(self) -> list[list[str]]:
        """What blocks; what is open where nothing does; and the suite in any case."""
        found = [r for r in self.decision.regressions if isinstance(r, Regression)]
        modes = [r.mode_id for r in found if r.level == "mode" and r.mode_id is not None]
        cases = [r.eval_id for r in found if r.eval_id is not None]
        if self.decision.decision is Outcome.UNDECIDED:
            suspects = {row["eval_id"] for row in self.decision.statistics["cases"]["suspects"]}
            cases = [r.eval_id for r in self.decision.next if r.eval_id in suspects]
            modes = [loss.mode_id for loss in self.losses if loss.held]
        told = [["What stands against an approval:", *_listed(self.decision.reasons)]] if self.decision.reasons else []
        told += [self._case(eval_id) for eval_id in cases[:MOST] if eval_id in self.known or eval_id in self.unsafe]
        told += [self._mode(mode_id) for mode_id in modes[:MOST]]
        told += [why_margin(self.decision, row["metric"]) for row in rows(self.decision) if row["verdict"] in ("above", "open")]
        told += [self._suite()]
        left = [*cases[MOST:], *modes[MOST:]]
        if left:
            names = ", ".join(left[:NAMED]) + (", ..." if len(left) > NAMED else "")
            told.append([f"Ask for the other {len(left)} by name: {names}"])
        return [*told, [_spent(self.policy)]]

    def _case(self, eval_id: str) -> list[str]:
        if eval_id in self.unsafe:
            return _told_unsafe(self.unsafe[eval_id], self.policy)
        case = self.known[eval_id]
        mode = f", of failure mode {case.mode_id}" if case.mode_id is not None else ""
        return [f"Case {eval_id}{mode}", *why_case(case, self.cases, self.level, self.policy)]

    def _suite(self) -> list[str]:
        suite = suite_evidence(self.cases, self.policy)
        plain = suite.plain or PlainLevel(self.policy.suite_level, self.policy.suite_ceiling)
        lines = [*_title("The suite", self.cases), *told_test(self.cases, plain.blocks)]
        blocks = plain.blocks(suite.test.p_value, suite.test.mid_p_value)
        both = f"It blocks where the exact p is at most {plain.ceiling:.4g} and the mid-p at most {plain.level:.4g}"
        return [*lines, f"{both}: {'both are, and it blocks' if blocks else 'not both are'}.", *self._shapes(suite)]

    def _shapes(self, suite: GroupEvidence) -> list[str]:
        belief = both_sides(self.cases)
        return told_scores(suite_figures(suite), belief.a, belief.b)

    def _mode(self, mode_id: str) -> list[str]:
        cases = [case for case in self.cases if case.mode_id == mode_id]
        p_values = [drop_test(*columns([c for c in self.cases if c.mode_id == name])).p_value for name in self.modes]
        adjusted = holm(p_values)
        own, level = p_values[self.modes.index(mode_id)], self.policy.mode_level
        final = float(adjusted[self.modes.index(mode_id)])
        smaller = sum(p < own for p in p_values)
        factor = len(p_values) - smaller
        blocks = partial(_holds, level=level / max(1, factor))
        lines = [*_title(f"Failure mode {mode_id}", cases), *told_test(cases, blocks)]
        verdict = "at most that, and blocks" if final <= level else "above"
        lines.append(
            f"Of {counted(len(p_values), 'mode')} tested {smaller} have a smaller p; by Holm's procedure {own:.4g} x {factor}, "
            f"and no less than theirs, is {final:.4g}. It is held against {level:.4g}: {verdict}."
        )
        loss = next((found for found in self.losses if found.mode_id == mode_id), None)
        return [*lines, *(told_loss(loss, len(self.losses), self.policy) if loss is not None else [])]


_NOT_COMPARED = {
    "new": "it is new; the baseline has no trials of it, and it is not compared",
    "changed": "it changed since the baseline, and cannot be compared; loopwright gate --establish --extend accepts the change",
    "gone": "it is in the baseline's suite and not in the candidate's; loopwright gate --establish --extend accepts that",
}


def _told_unsafe(found: Regression, policy: Policy) -> list[str]:
    (x0, n0), (x1, n1) = found.before, found.after
    return [
        f"Case {found.eval_id} may never fail: it is tagged so ({', '.join(policy.zero_tolerance)})",
        f"{x0} of {counted(n0, 'trial')} passed before, {x1} of {n1} now, planned trials and repeats.",
        "One failed trial is proof, whatever its history, new or in quarantine; no chance is computed, and alpha bounds none.",
        "It would have been approved had every trial passed.",
    ]


def _title(what: str, cases: Sequence[CaseTally]) -> list[str]:
    before = sum(c.before.passes for c in cases), sum(c.before.trials for c in cases)
    after = sum(c.planned_after[0] for c in cases), sum(c.planned_after[1] for c in cases)
    told = f"{before[0]} of {counted(before[1], 'planned trial')} passed before, {after[0]} of {after[1]} now"
    return [f"{what}: {counted(len(cases), 'case')}", f"{told}."]


def _holds(p: float, mid_p: float, *, level: float) -> bool:
    return p <= level


def _spent(policy: Policy) -> str:
    return (
        f"All levels together are at most {percent(policy.alpha, None)}: an unchanged agent is blocked no more often than that."
    )


def _listed(reasons: Sequence[str]) -> list[str]:
    return [f"  - {reason}." for reason in reasons]


def _word(decision: GateDecision) -> str:
    return decision.decision.value.upper() if decision.decision is not None else ""


def _next(decision: GateDecision) -> list[str]:
    """What a person does now."""
    if decision.approved:
        return []
    what = "run what would decide" if decision.decision is Outcome.UNDECIDED else "run what would tell noise from loss"
    lines = [f"  - {what}: {command}" for command in decision.commands]
    if not lines and decision.next:
        some = ", ".join(f"{r.eval_id} ({counted(r.trials, 'trial')})" for r in decision.next[:NAMED])
        lines.append(f"  - {what}: {some}{', ...' if len(decision.next) > NAMED else ''}")
    if decision.decision is Outcome.BLOCKED:
        levels = {r.level for r in decision.regressions if isinstance(r, Regression)}
        which = "that rose most" if levels and levels <= {*MARGINS} else "that failed"
        lines.append(f"  - look at the answers of the cases {which}, mend the agent, and run the suite again")
    if decision.decision_id is not None:
        lines.append(f"  - or answer for it yourself: loopwright gate override {decision.decision_id} --why ... --until ...")
    return ["What to do next", *lines] if lines else []
