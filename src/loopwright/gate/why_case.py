"""What one case says in a decision, with the numbers put in, so that it can be computed again by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

from loopwright.gate.levels import CaseEvidence, CaseLevel, together_evidence
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally
from loopwright.gate.why_group import ratio, told_case
from loopwright.stats.beta_binomial import Beta, log_sequence, posterior
from loopwright.stats.lost_case import LOST
from loopwright.stats.lost_together import LOOKS
from loopwright.wording import counted, percent

FACTORS = 6
"""A product of so many factors is written out."""


def why_case(case: CaseTally, cases: Sequence[CaseTally], level: CaseLevel, policy: Policy) -> list[str]:
    """The counts, which test, its formula with its numbers, the level, and what would have changed it.

    `level` is the evidence on all `cases`.
    """
    return [*_counts(case), *_tested(case, cases, level, policy), told_case(case)]


def _counts(case: CaseTally) -> list[str]:
    before, after = case.before, case.after
    lines = [f"{before.all_passes} of {before.all_trials} passed before, {after.all_passes} of {after.all_trials} now."]
    if after.repeats or before.repeats:
        lines.append(f"Of these now, {counted(after.repeats, 'trial')} {'is a repeat' if after.repeats == 1 else 'are repeats'}.")
    if after.errors:
        lines.append(f"{counted(after.errors, 'trial')} gave no verdict, which is not a pass.")
    if case.absent:
        lines.append(
            f"{counted(case.absent, 'trial')} that it should have {'is' if case.absent == 1 else 'are'} missing: no pass."
        )
    return lines


def _tested(case: CaseTally, cases: Sequence[CaseTally], level: CaseLevel, policy: Policy) -> list[str]:
    if case.quarantined:
        return ["It is in quarantine: what it shows counts with its mode and the suite, and not for itself."]
    if case.deterministic:
        return _deterministic(case)
    if not case.after.failures:
        return ["It did not fail now, so that nothing speaks for a loss."]
    known = posterior(level.belief, case.before.all_passes, case.before.all_trials)
    found = next((e for e in level.evidence if e.case.eval_id == case.eval_id), None)
    if found is None:
        return [*_belief(case, level.belief, known), *_unsolved(case, known, policy)]
    return [
        *_belief(case, level.belief, known),
        *_planned(case, known, found, level, policy),
        *_repeated(case, known, found, level, policy),
        *_together(case, cases, policy),
        *_left(found),
    ]


def _deterministic(case: CaseTally) -> list[str]:
    if not case.before.all_passes:
        return ["It is declared deterministic and never passed before: nothing could be lost."]
    if case.failed_outright:
        return [
            "It is declared deterministic (its rows say so) and passed before: one failure is proof, and no chance is computed.",
            "It would have been approved had it passed; a case that may fail by chance should not be declared so.",
        ]
    if case.after.failures or case.missing:
        return ["It is declared deterministic and gave no verdict: that is no proof of a loss, and no pass either. Run it again."]
    return ["It is declared deterministic, and passed: nothing was lost."]


def _belief(case: CaseTally, belief: Beta, known: Beta) -> list[str]:
    x, h = case.before.all_passes, case.before.all_trials
    return [
        f"The pass rates of the baseline's cases are fitted by Beta(a, b) with a = {belief.a:.6g}, b = {belief.b:.6g}.",
        f"With its history the case's own is Beta(A, B): A = a + {x} = {known.a:.6g}, B = b + {h - x} = {known.b:.6g}.",
    ]


def _unsolved(case: CaseTally, known: Beta, policy: Policy) -> list[str]:
    rate = case.before.all_passes / case.before.all_trials if case.before.all_trials else 0.0
    expected = known.a / (known.a + known.b)
    return [
        f"It does not count as solved: it passed {percent(rate)} before ({percent(policy.solved, None)} is asked for), and "
        f"A / (A + B) = {expected:.4g} is to be expected (at least {policy.expected:.4g} is asked for).",
        "A case that is not solved is not tested for itself; it counts with its mode and the suite.",
    ]


def _planned(case: CaseTally, known: Beta, found: CaseEvidence, level: CaseLevel, policy: Policy) -> list[str]:
    """The beta-binomial tail of the planned trials."""
    x, n = case.after.passes, case.after.trials
    if not n:
        return []
    if x == 0:
        shown = [f"({known.b:.6g} + {j})/({known.a + known.b:.6g} + {j})" for j in range(min(n, FACTORS))]
        formula = " ".join(shown) + (f" ... ({counted(n, 'factor')})" if n > FACTORS else "")
    else:
        formula = f"sum of C({n}, k) B(A + k, B + {n} - k) / B(A, B) for k = 0..{x}"
    bound = policy.case_level / level.solved
    side = "at most that: proved lost" if found.planned_p <= bound else "above: no proof"
    return [
        f"Planned trials: the chance that a case as it was passes at most {x} of {n} is {formula} = {found.planned_p:.4g}.",
        f"It is held against {policy.case_level:.4g} / {counted(level.solved, 'solved case')} = {bound:.4g}; it is {side}.",
    ]


def _repeated(case: CaseTally, known: Beta, found: CaseEvidence, level: CaseLevel, policy: Policy) -> list[str]:
    """The likelihood ratio over planned trials and repeats."""
    passes, failures = case.after.all_passes, case.after.failures
    lost = [(weight, shape, math.exp(float(log_sequence(passes, failures, *shape)))) for weight, shape in LOST]
    same = math.exp(float(log_sequence(passes, failures, *known)))
    over = " + ".join(f"{weight:g} x {chance:.4g}" for weight, _, chance in lost)
    shapes = " and ".join(f"Beta({shape.a:g}, {shape.b:g})" for _, shape, _ in lost)
    bound = level.solved / policy.repeat_level
    side = "reaches that: proved lost" if found.log_evidence >= math.log(bound) else "is below: no proof"
    return [
        f"All trials: {counted(passes, 'pass', 'passes')} and {counted(failures, 'failure')} have the chance {over} for a case "
        f"that was lost (rates of {shapes}), and B(A + {passes}, B + {failures}) / B(A, B) = {same:.4g} for one as it was. "
        f"The evidence is their ratio, {ratio(found.log_evidence)}.",
        f"It blocks from {counted(level.solved, 'solved case')} / {policy.repeat_level:.4g} = {bound:.4g} on, at whatever look; "
        f"it {side}.",
    ]


def _together(case: CaseTally, cases: Sequence[CaseTally], policy: Policy) -> list[str]:
    """Several cases that failed all their repeats, weighed together."""
    found = together_evidence(cases, policy)
    if not found.blocked or case.eval_id not in {c.eval_id for c in found.cases}:
        return []
    others = sum(not c.deterministic and c.before.all_passes < c.before.all_trials for c in cases)
    return [
        f"It is one of {counted(len(found.cases), 'case')} that passed all before and failed all since, repeats among them. "
        f"Beside {counted(others, 'case')} that failed before, so many have a chance of at most {found.p_value:.4g}, over "
        f"{len(LOOKS)} looks; it is held against {policy.together_level:.4g}: proved lost."
    ]


def _left(found: CaseEvidence) -> list[str]:
    if found.blocked:
        return []
    if not found.open:
        return ["It is let go: so much is no more than the noise that it had before, or it passed again."]
    if found.to_prove is None:
        return [f"Not even {counted(found.room, 'more failing trial')} could prove it lost."]
    return [f"{counted(found.to_prove, 'more failing trial')} would prove it lost; passes clear it."]
