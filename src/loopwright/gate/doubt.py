"""Why a comparison may not be approved: what is wrong with the results, and what they could not have shown.

Each function returns reasons, one line each, empty where there is nothing to doubt. A reason ends with its cure.
"""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.evaluate.result import EvalResult
from loopwright.gate.comparable import Comparable, suites_differ
from loopwright.gate.levels import CaseEvidence, CaseLevel, GroupEvidence, improvement
from loopwright.gate.modes import ModeEvidence
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, Count, Tally, duplicates
from loopwright.stats.power import DropPower
from loopwright.wording import counted, percent


def of_results(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], version: str | None) -> list[str]:
    """Doubts about the rows themselves: none, twice the same, of another version or of another suite."""
    if not baseline:
        return ["there are no baseline results to compare with; run the suite on the released version first"]
    if not candidate:
        return ["there are no candidate results; run the suite first"]
    reasons = []
    for side, rows in (("baseline", baseline), ("candidate", candidate)):
        twice = duplicates(rows)
        if twice:
            run_id, eval_id, trial = twice[0]
            which = f"trial {trial} of {eval_id}" + (f" in run {run_id}" if run_id else "")
            more = f", and {len(twice) - 1} more" if len(twice) > 1 else ""
            reasons.append(f"the {side} has {which} more than once{more}; give each (run_id, eval_id, trial) once")
    reasons += _of_versions(candidate, version)
    reasons += _of_suites(baseline, candidate)
    return reasons


def of_changes(shared: Comparable) -> list[str]:
    """The doubt that a case was weakened: that it is another now, or is gone."""
    meant = "or, if it is meant, make a run of this suite the baseline: loopwright gate --establish --extend"
    reasons = []
    if shared.changed:
        what = "changed since the baseline, or had another judge"
        reasons.append(f"{named(shared.changed)} {what}, and cannot be compared; take that back, {meant}")
    if shared.gone:
        are, them = ("are", "them") if len(shared.gone) > 1 else ("is", "it")
        reasons.append(f"{named(shared.gone)} {are} in the baseline's suite and not in the candidate's; run {them}, {meant}")
    return reasons


def of_counts(tally: Tally, policy: Policy) -> list[str]:
    """Doubts about completeness: missing cases, trials without a verdict, too few cases."""
    reasons = []
    total, missing = len(tally.cases), len(tally.missing)
    if missing > policy.max_missing * total:
        reasons.append(
            f"{missing} of the baseline's {counted(total, 'case')} {'is' if missing == 1 else 'are'} missing from the candidate "
            f"(at most {percent(policy.max_missing, None)} may be); run them"
        )
    for side, share in (("baseline", tally.error_share_before), ("candidate", tally.error_share_after)):
        if share > policy.max_errors:
            reasons.append(
                f"{percent(share)} of the {side}'s trials have no verdict "
                f"(at most {percent(policy.max_errors, None)} may have none); mend what fails and run them again"
            )
    compared = total - missing
    if compared < policy.min_cases:
        reasons.append(f"{counted(compared, 'comparable case')}, and {policy.min_cases} are needed; add cases")
    unproved = [c.eval_id for c in tally.cases if may_not_fail(c) and _no_verdict(c)]
    if unproved:
        reasons.append(f"{named(unproved)} passed before, may not fail once, and gave no verdict now; run them again")
    return reasons


def of_sight(seen: DropPower, cases: Sequence[CaseTally], policy: Policy) -> list[str]:
    """The doubt that even a large loss would have gone unseen. A clear improvement leaves no such doubt."""
    if not any(c.before.passes for c in cases):
        blind = "the baseline passes nothing, so that nothing could be lost; establish one that passes"
    elif seen.drop is None:
        blind = "too few trials: even the loss of everything that passed might have gone unseen"
    elif seen.drop > policy.blind * seen.rate:
        blind = f"too few trials: a drop of less than {100 * seen.drop:.0f} points might have gone unseen; add trials or cases"
    else:
        return []
    return [] if improvement(cases) <= policy.alpha else [blind]


def of_cases(unexplained: Sequence[CaseEvidence], policy: Policy) -> list[str]:
    """The doubt that solved cases were lost."""
    at_cap = [e.case.eval_id for e in unexplained if e.to_prove is None]
    rest = [e.case.eval_id for e in unexplained if e.to_prove is not None]
    reasons = []
    if rest:
        reasons.append(
            f"{named(rest)} {_was(rest)} solved and failed now, which may be noise or a loss; repeat what `next` lists"
        )
    if at_cap:
        reasons.append(
            f"{named(at_cap)} {_was(at_cap)} solved and failed now, and {policy.repeat_cap} trials could not settle it; "
            "look at the answers, or give the baseline more trials"
        )
    return reasons


def of_modes(losses: Sequence[ModeEvidence]) -> list[str]:
    """The doubt that failure modes came back, while more trials of their cases may tell."""
    held = [loss for loss in losses if loss.held]
    if not held:
        return []
    which = named([loss.mode_id for loss in held])
    said = "than it did" if len(held) == 1 else "than they did"
    return [f"{which} may fail more often {said}, and so few trials do not tell; repeat what `next` lists"]


def of_fall(suite: GroupEvidence, level: CaseLevel, policy: Policy) -> list[str]:
    """The doubt that an unusual fall of the suite is a loss, while repeats have not cleared the solved cases that failed."""
    held = held_by_fall(suite, level)
    if not held:
        return []
    again, used_up = [[e.case.eval_id for e in held if bool(e.room) is more] for more in (True, False)]
    chance = f"a fall as deep has a chance of {suite.test.mid_p_value:.2g} (mid-p): too little to block, too unusual to approve"
    reasons = []
    if again:
        reasons.append(f"{named(again)} {_was(again)} solved and failed now, and {chance}; repeat what `next` lists")
    if used_up:
        reasons.append(
            f"{named(used_up)} {_was(used_up)} solved and failed now, and {policy.repeat_cap} trials could not settle it; "
            "look at the answers, or give the baseline more trials"
        )
    return reasons


def held_by_fall(suite: GroupEvidence, level: CaseLevel) -> list[CaseEvidence]:
    """The solved cases that failed and that an unusual fall leaves open; none where the fall is not unusual.

    One that passes most of its repeats is not lost, whatever else it is: the question was of a loss.
    """
    if not suite.in_doubt:
        return []
    return [e for e in level.evidence if e.open and not _passes_again(e.case.after)]


def _passes_again(count: Count) -> bool:
    return 2 * count.repeat_passes > count.repeats


def unexplained(level: CaseLevel, policy: Policy) -> list[CaseEvidence]:
    """The solved cases whose failure may neither be waved through nor held for proof.

    Among the failing solved cases that are not cleared, these are: the ones that repeats can settle, where repeats were begun, or
    where there is enough history and none of a few planned trials passed, so that repeats are how it is decided; and those whose
    failure was unlikely, even once, among all solved cases together; and those that passed none of their planned trials, where so
    many such cases are unlikely. A case that is still open when its repeats are used up is
    let go, and named: it fails more often than it did, and is not lost.
    """
    found = []
    for evidence in level.evidence:
        case = evidence.case
        none_passed = case.before.all_trials >= policy.history and not case.after.passes and case.after.trials <= policy.few
        unlikely = evidence.planned_p * level.solved <= policy.suspicion
        several = level.several <= policy.several and not case.after.passes
        provable = evidence.to_prove is not None
        held = provable if case.after.repeats else unlikely or several or (none_passed and provable)
        if evidence.open and held:
            found.append(evidence)
    return found


def _of_versions(candidate: Sequence[EvalResult], version: str | None) -> list[str]:
    found = sorted({r.version for r in candidate if r.version is not None})
    if version is not None and any(v != version for v in found):
        other = next(v for v in found if v != version)
        cure = "if the files are swapped, give them the other way round"
        return [f"the candidate should be version {version}, and has results of {other}; {cure}"]
    if len(found) > 1:
        return [f"the candidate mixes versions {', '.join(found[:3])}; give the results of one"]
    return []


def _of_suites(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult]) -> list[str]:
    """Where suites differ, cases can be compared one by one, if every row says which case it is of."""
    if not suites_differ(baseline, candidate) or all(r.case_digest for rows in (baseline, candidate) for r in rows):
        return []
    if len({r.suite_digest for r in candidate if r.suite_digest is not None}) > 1:
        return ["the candidate mixes results of different suites; run all cases on one suite"]
    return [
        "the suite changed between baseline and candidate (suite_digest differs), and not every row has the case_digest "
        "that tells which cases are the same; run the baseline's version on the new suite"
    ]


def may_not_fail(case: CaseTally) -> bool:
    """Whether one failure of the case is proof."""
    return case.deterministic and case.before.all_passes > 0 and not case.quarantined


def _no_verdict(case: CaseTally) -> bool:
    """Nothing was lost for certain, and not everything passed: missing, or errors alone."""
    return case.missing or (case.after.failures > 0 and not case.failed_outright)


def named(eval_ids: Sequence[str]) -> str:
    """The first cases by name, and how many more."""
    return ", ".join(eval_ids[:3]) + (f" and {len(eval_ids) - 3} more" if len(eval_ids) > 3 else "")


def _was(eval_ids: Sequence[str]) -> str:
    return "was" if len(eval_ids) == 1 else "were"
