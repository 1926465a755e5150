"""Two runs become a decision.

Trials are counted per case, compared within the case, and added up: `loopwright.gate.levels` has the evidence,
`loopwright.gate.doubt` what stands against an approval, and docs/decisions/0004-gate.md why both are weighed so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from loopwright.evaluate.result import EvalResult
from loopwright.gate import doubt
from loopwright.gate.comparable import Comparable, comparable
from loopwright.gate.counts import count_groups
from loopwright.gate.decision import CaseRequest, GateDecision, Outcome, Regression
from loopwright.gate.judges import weigh
from loopwright.gate.levels import (
    CaseEvidence,
    CaseLevel,
    GroupEvidence,
    TogetherEvidence,
    case_evidence,
    detectable,
    mode_evidence,
    suite_evidence,
    together_evidence,
)
from loopwright.gate.modes import ModeEvidence, mode_losses
from loopwright.gate.naive import naive_regressions
from loopwright.gate.policy import Policy
from loopwright.gate.sealed_gap import with_sealed_gap
from loopwright.gate.tally import CaseTally, Tally, tally
from loopwright.stats.power import DropPower
from loopwright.wording import percent


def decide(
    baseline: Sequence[EvalResult],
    candidate: Sequence[EvalResult],
    policy: Policy | None = None,
    *,
    candidate_version: str | None = None,
    doubts: Sequence[str] = (),
    quarantined: Collection[str] = (),
) -> GateDecision:
    """Approve, block, or say what is missing to decide.

    `baseline` may hold several runs: they are its history. `candidate_version` is the version that the candidate's results are
    meant to be of. `doubts` are reasons, found by the caller, for which these results may not be approved; where a side has no
    results, they say why. What the `quarantined` cases show counts with their mode and the suite only. The order of results does
    not matter. An unchanged agent is blocked with a chance of at most `policy.alpha`.

    New cases are named and not compared: they change nothing for the others. A case that was changed or removed is not compared
    either, and stands against an approval. What rests on an uncalibrated judge's word alone blocks nothing: see `gate.judges`.
    What follows from a gap between the open and the sealed part of the suite: see `gate.sealed_gap`.
    """
    policy = policy or Policy()

    def compare(before: Sequence[EvalResult], after: Sequence[EvalResult]) -> GateDecision:
        return _compare(before, after, policy, candidate_version, doubts, quarantined)

    judged = weigh(compare(baseline, candidate), baseline, candidate, compare)
    return with_sealed_gap(judged, candidate, policy)


def _compare(
    baseline: Sequence[EvalResult],
    candidate: Sequence[EvalResult],
    policy: Policy,
    candidate_version: str | None,
    doubts: Sequence[str],
    quarantined: Collection[str],
) -> GateDecision:
    """The decision on results, whoever judged them."""
    nothing = not baseline or not candidate
    unusable = [*doubts, *([] if doubts and nothing else doubt.of_results(baseline, candidate, candidate_version))]
    if unusable:
        return GateDecision(
            approved=False,
            decision=Outcome.UNDECIDED,
            message=f"Undecided: {unusable[0]}.",
            statistics={"alpha": policy.alpha, "suite": None, "modes": None, "cases": None, "min_detectable_drop": None},
            reasons=tuple(unusable),
        )
    shared = comparable(baseline, candidate)
    counted = tally(shared.baseline, shared.candidate, quarantined)
    suite = suite_evidence(counted.cases, policy)
    modes = mode_evidence(counted.cases, policy)
    level = case_evidence(counted.cases, policy)
    losses = mode_losses(counted.cases, level.belief, policy)
    seen = detectable(counted.cases, level.belief, policy)
    incomplete = doubt.of_counts(counted, policy)
    blind = doubt.of_sight(seen, counted.cases, policy)
    together = together_evidence(counted.cases, policy)
    unexplained = doubt.of_fall(suite, level, policy) or doubt.of_cases(doubt.unexplained(level, policy), policy)
    unexplained += doubt.of_modes(losses)
    proof = [_lost(c) for c in counted.cases if c.failed_outright and doubt.may_not_fail(c)]
    chance = [*_groups("suite", [suite]), *_groups("mode", modes), *_lost_modes(losses, modes), *_cases(level, together)]
    changes = doubt.of_changes(shared)
    outcome, reasons, regressions = _outcome(proof, changes, incomplete, chance, [*unexplained, *blind])
    approved = outcome is Outcome.APPROVED
    lost = {r.eval_id for r in regressions}
    fell = _fell(counted.cases)
    held = doubt.held_by_fall(suite, level) if outcome is Outcome.UNDECIDED else []
    return GateDecision(
        approved=approved,
        decision=outcome,
        regressions=tuple(regressions),
        message=_message(outcome, reasons, regressions, suite, bool(fell)) + _remarks(outcome, counted, level, suite, fell),
        new_evals_queued=len(counted.failing) if approved else 0,
        fixed=tuple(c.eval_id for c in counted.cases if _is_fixed(c)),
        flaky=tuple(c.eval_id for c in counted.cases if _is_flaky(c)),
        missing=tuple(sorted({*counted.missing, *shared.gone})),
        statistics=_statistics(policy, suite, modes, losses, level, seen)
        | {
            "fell": fell,
            "counts": count_groups(counted.cases),
            "naive": {"regressions": naive_regressions(shared.baseline, shared.candidate)},
        }
        | _changes(counted, shared),
        next=tuple(
            r for r in _requests(counted, level, held, losses, policy, bool(blind), bool(incomplete)) if r.eval_id not in lost
        ),
        reasons=tuple(reasons),
    )


def _outcome(
    proof: list[Regression], changes: list[str], incomplete: list[str], chance: list[Regression], doubts: list[str]
) -> tuple[Outcome, list[str], list[Regression]]:
    """Proof blocks, whatever else is missing; then incomplete results decide nothing; then the tests; then what is in doubt.

    Changes of cases are a doubt, told with every outcome: what is left of the suite is compared all the same.
    """
    if proof:
        return Outcome.BLOCKED, [*changes, *incomplete], [*proof, *([] if incomplete else chance)]
    if incomplete:
        return Outcome.UNDECIDED, [*changes, *incomplete], []
    if chance:
        return Outcome.BLOCKED, changes, chance
    against = [*changes, *doubts]
    return (Outcome.UNDECIDED if against else Outcome.APPROVED), against, []


def _lost(case: CaseTally) -> Regression:
    before, after = case.before, case.after
    return Regression(
        "deterministic",
        eval_id=case.eval_id,
        mode_id=case.mode_id,
        before=(before.all_passes, before.all_trials),
        after=(after.all_passes, after.all_trials),
    )


def _groups(level: Any, groups: Sequence[GroupEvidence]) -> list[Regression]:
    return [Regression(level, None, g.mode_id, g.adjusted, g.before, g.after) for g in groups if g.blocked]


def _lost_modes(losses: Sequence[ModeEvidence], tested: Sequence[GroupEvidence]) -> list[Regression]:
    """The modes that all trials together show to be worse, and their planned trials alone do not."""
    known = {group.mode_id for group in tested if group.blocked}
    return [
        Regression("mode", None, loss.mode_id, loss.p_value, loss.counts("before"), loss.counts("after"))
        for loss in losses
        if loss.blocked and loss.mode_id not in known
    ]


def _cases(level: CaseLevel, together: TogetherEvidence) -> list[Regression]:
    alone = [
        Regression(
            "case",
            eval_id=e.case.eval_id,
            mode_id=e.case.mode_id,
            p_value=e.p_value,
            before=(e.case.before.all_passes, e.case.before.all_trials),
            after=(e.case.after.all_passes, e.case.after.all_trials),
        )
        for e in level.evidence
        if e.blocked
    ]
    known = {r.eval_id for r in alone}
    return alone + [
        Regression(
            "case",
            eval_id=c.eval_id,
            mode_id=c.mode_id,
            p_value=together.p_value,
            before=(c.before.all_passes, c.before.all_trials),
            after=(c.after.all_passes, c.after.all_trials),
        )
        for c in together.cases
        if together.blocked and c.eval_id not in known
    ]


def _is_fixed(case: CaseTally) -> bool:
    """Never passed before, and passes every time now."""
    return case.before.all_passes == 0 and case.after.all_trials > 0 and not case.after.failures


def _is_flaky(case: CaseTally) -> bool:
    """Both passed and failed on one side: the same agent, the same case, another answer."""
    return any(0 < side.all_passes < side.all_trials for side in (case.before, case.after))


def _fell(cases: Sequence[CaseTally]) -> list[dict[str, Any]]:
    """The cases that passed less often than before, largest fall first."""
    rows = []
    for case in cases:
        (x1, n1), (x0, n0) = case.planned_after, (case.before.passes, case.before.trials)
        if n0 and n1 and x1 * n0 < x0 * n1:
            rows.append((x1 / n1 - x0 / n0, case.eval_id, [x0, n0], [x1, n1]))
    return [{"eval_id": eval_id, "before": before, "after": after} for _, eval_id, before, after in sorted(rows)]


def _requests(
    counted: Tally,
    level: CaseLevel,
    held: Sequence[CaseEvidence],
    losses: Sequence[ModeEvidence],
    policy: Policy,
    blind: bool,
    incomplete: bool,
) -> list[CaseRequest]:
    """What would decide: missing trials, trials without a verdict, repeats of suspects, or more trials of everything.

    A suspect is asked for as many repeats as it has failures, and never more than would prove its loss: noise clears itself with
    the first pass, and a lost case is proved in a few rounds.
    """
    wanted: dict[str, int] = {}
    if incomplete:
        for case in counted.cases:
            wanted[case.eval_id] = case.absent + case.after.errors
    elif blind:
        wanted = _more_trials(counted.cases, level, policy)
    for e in level.evidence:
        if e.open and e.to_prove:
            wanted[e.case.eval_id] = max(wanted.get(e.case.eval_id, 0), min(e.to_prove, e.case.after.failures))
    for e in held:
        wanted[e.case.eval_id] = max(wanted.get(e.case.eval_id, 0), min(e.room, e.case.after.failures))
    for loss in losses:
        for eval_id, trials in loss.wanted.items() if loss.held else ():
            wanted[eval_id] = max(wanted.get(eval_id, 0), trials)
    repeat = not (incomplete or blind)
    return [CaseRequest(eval_id, trials, repeat) for eval_id, trials in wanted.items() if trials > 0]


def _more_trials(cases: Sequence[CaseTally], level: CaseLevel, policy: Policy) -> dict[str, int]:
    """How many more trials of every case would have shown a loss that matters; empty where the cap would not do."""
    for factor in range(2, policy.repeat_cap + 1):
        seen = detectable(cases, level.belief, policy, factor)
        if seen.drop is not None and seen.drop <= policy.blind * seen.rate:
            return {c.eval_id: (factor - 1) * c.planned_after[1] for c in cases}
    return {}


def _statistics(
    policy: Policy,
    suite: GroupEvidence,
    modes: list[GroupEvidence],
    losses: list[ModeEvidence],
    level: CaseLevel,
    seen: DropPower,
) -> dict[str, Any]:
    return {
        "alpha": policy.alpha,
        "suite": _group_row(suite) | {"level": policy.suite_level, "ceiling": policy.suite_ceiling, "unusual": suite.unusual},
        "modes": {
            "level": policy.mode_level,
            "tested": [{"mode_id": m.mode_id} | _group_row(m) for m in modes],
            "repeat_level": policy.mode_repeat_level,
            "suspects": [_mode_row(loss) for loss in losses if loss.held or loss.blocked],
        },
        "cases": {
            "level": policy.case_level,
            "repeat_level": policy.repeat_level,
            "together_level": policy.together_level,
            "solved": level.solved,
            "pass_rates": {"a": level.belief.a, "b": level.belief.b},
            "suspects": [
                {
                    "eval_id": e.case.eval_id,
                    "before": [e.case.before.all_passes, e.case.before.all_trials],
                    "after": [e.case.after.all_passes, e.case.after.all_trials],
                    "p_value": e.p_value,
                    "log_evidence": e.log_evidence,
                }
                for e in level.evidence
                if e.open
            ],
        },
        "min_detectable_drop": seen.drop,
        "power": policy.power,
    }


def _mode_row(loss: ModeEvidence) -> dict[str, Any]:
    return {
        "mode_id": loss.mode_id,
        "before": list(loss.counts("before")),
        "after": list(loss.counts("after")),
        "p_value": loss.p_value,
        "log_evidence": loss.log_evidence,
    }


def _group_row(group: GroupEvidence) -> dict[str, Any]:
    return {
        "p_value": group.test.p_value,
        "mid_p_value": group.test.mid_p_value,
        "adjusted": group.adjusted,
        "before": list(group.before),
        "after": list(group.after),
    }


def _changes(counted: Tally, shared: Comparable) -> dict[str, Any]:
    """How many cases were compared, and which were not: the new ones, the changed ones and those that are gone."""
    compared = len(counted.cases) - len(counted.missing)
    return {"compared": compared, "new": list(counted.new), "changed": list(shared.changed), "gone": list(shared.gone)}


def _message(outcome: Outcome, reasons: list[str], regressions: list[Regression], suite: GroupEvidence, fell: bool) -> str:
    if outcome is Outcome.UNDECIDED:
        return f"Undecided: {reasons[0]}."
    rates = f"{_percent(suite.before)} of trials passed before and {_percent(suite.after)} now"
    if outcome is Outcome.BLOCKED:
        levels = dict.fromkeys(r.level for r in regressions)
        return f"Blocked: {' and '.join(_WHAT[level] for level in levels)}; {rates}."
    return f"Approved: no regression {'shown' if fell else 'found'}; {rates}."


def _remarks(outcome: Outcome, counted: Tally, level: CaseLevel, suite: GroupEvidence, fell: Sequence[dict[str, Any]]) -> str:
    """What an approval does not cover."""
    if outcome is not Outcome.APPROVED:
        return ""
    suspects = [e.case.eval_id for e in level.evidence if e.open]
    remarks = []
    if suite.in_doubt:
        repeated = any(c.after.repeats for c in counted.cases)
        why = "the solved cases that failed passed again when repeated" if repeated else "no solved case is in doubt for it"
        remarks.append(f"So much falls seldom, but {why}: {doubt.named([f['eval_id'] for f in fell])}")
    if suspects:
        remarks.append(f"Within the noise, but worth a repeat: {doubt.named(suspects)}")
    if counted.new:
        remarks.append(f"New, and not compared: {doubt.named(counted.new)}")
    return "".join(f" {remark}." for remark in remarks)


_WHAT = {
    "suite": "the suite's pass rate fell",
    "mode": "a failure mode got worse",
    "case": "a solved case was lost",
    "deterministic": "a deterministic case that passed fails",
}


def _percent(counts: tuple[int, int]) -> str:
    return percent(counts[0] / counts[1]) if counts[1] else "no trials"
