"""What all trials of a failure mode's cases say together, repeats among them: evidence at every look, and what to ask for.

The planned trials of a mode have an exact test of their own (`levels.mode_evidence`). With one trial of ten cases that sees
little; here trials are added where they may decide. docs/decisions/0004-gate.md has the thresholds and what they reach.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally
from loopwright.stats.beta_binomial import Beta, posterior
from loopwright.stats.lost_mode import Seen, log_evidence


@dataclass(frozen=True, slots=True)
class ModeEvidence:
    """What speaks for it that the cases of one mode pass less often than they did.

    `p_value` is one over the evidence. `begun` says that repeats of all its cases were begun; `unlikely` that such evidence
    somewhere among the modes had a chance of at most `policy.mode_suspicion`, or `policy.suspicion` with little history.
    `wanted` is how many more trials of each case are worth their cost, none where the evidence is clear either way.
    """

    mode_id: str
    cases: tuple[CaseTally, ...]
    log_evidence: float
    blocked: bool
    begun: bool
    unlikely: bool
    one_look: bool
    wanted: Mapping[str, int]

    @property
    def p_value(self) -> float:
        """The chance of so much evidence, at any look, of a mode that did not change."""
        return math.exp(-max(0.0, self.log_evidence))

    @property
    def held(self) -> bool:
        """Whether an approval waits for more trials: where repeats were begun or are how it is decided, or it is unlikely."""
        return bool(self.wanted) and (self.begun or self.one_look or self.unlikely)

    def counts(self, side: str) -> tuple[int, int]:
        """(passed, trials) of one side, `before` or `after`, repeats included."""
        sides = [getattr(case, side) for case in self.cases]
        return sum(s.all_passes for s in sides), sum(s.all_trials for s in sides)


def mode_losses(cases: Sequence[CaseTally], belief: Beta, policy: Policy) -> list[ModeEvidence]:
    """The evidence on each mode that has noisy cases with trials on both sides, by mode id.

    A quarantined case counts here. `belief` is the distribution of pass rates that was fitted to the baseline.
    """
    members: dict[str, list[CaseTally]] = defaultdict(list)
    for case in cases:
        if case.mode_id is not None and not case.deterministic and case.before.all_trials and case.after.all_trials:
            members[case.mode_id].append(case)
    return [_weigh(name, members[name], len(members), belief, policy) for name in sorted(members)]


def _weigh(name: str, cases: Sequence[CaseTally], modes: int, belief: Beta, policy: Policy) -> ModeEvidence:
    evidence = log_evidence(
        Seen(posterior(belief, c.before.all_passes, c.before.all_trials), c.after.all_passes, c.after.failures) for c in cases
    )
    blocked = evidence >= math.log(modes / policy.mode_repeat_level)
    begun = all(c.after.repeats for c in cases)
    known = all(c.before.all_trials >= policy.history for c in cases)
    least = min(c.after.all_trials for c in cases)
    clear = blocked or evidence < (policy.mode_gain * (math.log2(least) - 1) if begun else policy.mode_open)
    target = min(policy.mode_cap, 2 * least)
    wanted = {c.eval_id: target - c.after.all_trials for c in cases if c.after.all_trials < target}
    return ModeEvidence(
        mode_id=name,
        cases=tuple(cases),
        log_evidence=evidence,
        blocked=blocked,
        begun=begun,
        unlikely=evidence >= math.log(modes / (policy.mode_suspicion if known else policy.suspicion)),
        one_look=known and all(c.after.trials <= 1 for c in cases),
        wanted={} if clear else wanted,
    )
