"""Two runs become a decision.

Trials are counted per case, compared within the case, and added up: `loopwright.gate.evidence` has the tests,
`loopwright.gate.doubt` what stands against an approval, and docs/decisions/0004-gate.md why both are weighed so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from loopwright.evaluate.result import EvalResult
from loopwright.gate import doubt
from loopwright.gate.comparable import comparable
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.gate.evidence import evidence, proofs, shown
from loopwright.gate.figures import fell, figures, no_figures
from loopwright.gate.judge_error import with_judges
from loopwright.gate.judged_sides import Judges, judged_sides
from loopwright.gate.judges import weigh
from loopwright.gate.margins import exceeded, margin_evidence, margin_figures, margin_requests, of_margins
from loopwright.gate.policy import Policy
from loopwright.gate.requests import requests
from loopwright.gate.runs import run_luck
from loopwright.gate.safety import safety
from loopwright.gate.sealed_gap import with_sealed_gap
from loopwright.gate.spending import spending
from loopwright.gate.tally import CaseTally, tally
from loopwright.gate.unseen import of_unseen, unseen, unseen_requests
from loopwright.gate.verdict_line import message, remarks


def decide(
    baseline: Sequence[EvalResult],
    candidate: Sequence[EvalResult],
    policy: Policy | None = None,
    *,
    candidate_version: str | None = None,
    doubts: Sequence[str] = (),
    quarantined: Collection[str] = (),
    judges: Judges | None = None,
) -> GateDecision:
    """Approve, block, or say what is missing to decide.

    `baseline` may hold several runs: they are its history. `candidate_version` is the version that the candidate's results are
    meant to be of. `doubts` are reasons, found by the caller, for which these results may not be approved; where a side has no
    results, they say why. What the `quarantined` cases show counts with their mode and the suite only. `judges` is what is known
    of those who judged: see `gate.judge_error`. The order of results does not matter. An unchanged agent is blocked with a chance
    of at most `policy.alpha`.

    New cases are named and not compared: they change nothing for the others. A case that was changed or removed is not compared
    either, and stands against an approval. What rests on an uncalibrated judge's word alone blocks nothing: see `gate.judges`.
    What follows from a gap between the open and the sealed part of the suite: see `gate.sealed_gap`.
    """
    policy = policy or Policy()

    known = judges or Judges()

    def plain(
        before: Sequence[EvalResult], after: Sequence[EvalResult], policy: Policy, corrected: Collection[str]
    ) -> GateDecision:
        return _compare(before, after, policy, candidate_version, doubts, quarantined, corrected)

    def compare(before: Sequence[EvalResult], after: Sequence[EvalResult]) -> GateDecision:
        return with_judges(before, after, known, policy, plain)

    judged = weigh(compare(baseline, candidate), judged_sides(baseline, candidate, known).baseline, candidate, compare)
    return with_sealed_gap(judged, candidate, policy)


def _compare(
    baseline: Sequence[EvalResult],
    candidate: Sequence[EvalResult],
    policy: Policy,
    candidate_version: str | None,
    doubts: Sequence[str],
    quarantined: Collection[str],
    corrected: Collection[str],
) -> GateDecision:
    """The decision on results, whoever judged them; cases that are `corrected` elsewhere may have had two judges."""
    nothing = not baseline or not candidate
    unusable = [*doubts, *([] if doubts and nothing else doubt.of_results(baseline, candidate, candidate_version))]
    if unusable:
        return GateDecision(
            approved=False,
            decision=Outcome.UNDECIDED,
            message=f"Undecided: {unusable[0]}.",
            statistics=no_figures(policy),
            reasons=tuple(unusable),
        )
    shared = comparable(baseline, candidate, corrected)
    counted = tally(shared.baseline, shared.candidate, quarantined)
    found = evidence(counted, policy)
    margins = margin_evidence(shared.baseline, shared.candidate, counted, policy)
    safe = safety(baseline, candidate, counted.cases, policy)
    incomplete = [*doubt.of_counts(counted, policy), *safe.doubts]
    blind = doubt.of_sight(found.seen, counted.cases, policy)
    unexplained = doubt.of_fall(found.suite, found.cases, policy) or doubt.of_cases(
        doubt.unexplained(found.cases, policy), policy
    )
    lacking = unseen(counted.cases, policy)
    unexplained += of_unseen(lacking)
    unexplained += doubt.of_modes(found.losses)
    unexplained += of_margins(margins)
    known = {r.eval_id for r in safe.proof}
    proof = [*safe.proof, *(r for r in proofs(counted.cases) if r.eval_id not in known)]
    chance = [r for r in shown(found) if r.eval_id is None or r.eval_id not in known]
    luck = run_luck(shared.baseline, counted.cases, found, chance, policy)
    chance = [*luck.stands]
    unexplained += luck.doubts
    chance += exceeded(margins, found.suite.before, found.suite.after)
    changes = [*safe.reasons, *doubt.of_changes(shared)]
    outcome, reasons, regressions = _outcome(proof, changes, incomplete, chance, [*unexplained, *blind])
    approved = outcome is Outcome.APPROVED
    lost = {r.eval_id for r in regressions}
    held = doubt.held_by_fall(found.suite, found.cases) if outcome is Outcome.UNDECIDED else []
    wanted = requests(counted, found, held, policy, bool(blind), bool(incomplete))
    wanted += safe.requests(wanted)
    wanted += unseen_requests(lacking, wanted)
    wanted += [request for request in luck.requests if request.eval_id not in {asked.eval_id for asked in wanted}]
    wanted = wanted or (margin_requests(margins, counted, policy.repeat_cap) if outcome is Outcome.UNDECIDED else [])
    wanted = [request for request in wanted if request.eval_id not in lost]
    fallen = fell(counted.cases)
    return GateDecision(
        approved=approved,
        decision=outcome,
        regressions=tuple(regressions),
        message=message(outcome, reasons, regressions, found.suite, bool(fallen))
        + remarks(outcome, counted, found.cases, found.suite, fallen),
        new_evals_queued=len(counted.failing) if approved else 0,
        fixed=tuple(c.eval_id for c in counted.cases if _is_fixed(c)),
        flaky=tuple(c.eval_id for c in counted.cases if _is_flaky(c)),
        missing=tuple(sorted({*counted.missing, *shared.gone})),
        statistics=figures(policy, found, counted, shared)
        | margin_figures(margins, policy)
        | luck.figures()
        | {"spent": spending(shared.candidate, counted.cases, found.cases, wanted, policy)},
        next=tuple(wanted),
        reasons=tuple(reasons),
        notes=luck.notes if outcome is Outcome.BLOCKED else (),
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


def _is_fixed(case: CaseTally) -> bool:
    """Never passed before, and passes every time now."""
    return case.before.all_passes == 0 and case.after.all_trials > 0 and not case.after.failures


def _is_flaky(case: CaseTally) -> bool:
    """Both passed and failed on one side: the same agent, the same case, another answer."""
    return any(0 < side.all_passes < side.all_trials for side in (case.before, case.after))
