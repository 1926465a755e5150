"""What the gate may spend, and what it asks of the evidence. Every number has its reason in docs/decisions/0004-gate.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from loopwright.errors import SettingError


@dataclass(frozen=True, slots=True)
class Policy:
    """How one comparison is decided.

    `alpha` bounds the chance to block an agent that did not change, over everything looked at. It is divided among the tests
    by the shares: at default, .025 for the suite (mid-p, and never above an exact .03), .005 for all modes together on planned
    trials and .005 on repeats, .0025 for all cases on planned trials, .005 for each case on repeats, .0025 for several on
    repeats; the ceilings add up to alpha.

    Of the suite's part, `suite_relative` is spent on falls in which every case passes less often by the same share, and
    `suite_lost` on falls in which some cases pass no more; both count only where the plain sum's mid-p value is at most
    `suite_net`, so that what got better on the whole is not blocked by the suite.

    A fall of the suite whose mid-p value is above that and at most `unusual` is too little to block. It is not approved either,
    while solved cases that failed may be lost. A first look, with fewer than two baseline trials a case, shows so little that
    there `unusual_first` counts.

    `solved` is the pass rate in its history, and `expected` the one to be expected, from which a case counts as solved. A solved
    case with `history` trials or more that passed none of at most `few` planned trials is not let go while that is unexplained.
    With less history or more trials, it is held back when such a failure somewhere among the solved cases had a chance of at most
    `suspicion`, or when so many cases that passed none of their planned trials had one of at most `several`. `blind` is the
    largest share of the baseline's passes whose loss may go unseen (with the chance 1 - `power`) in a run that is approved.
    `repeat_cap` bounds the trials asked for of one case.

    A mode is looked at more closely where the log of the evidence for its loss reaches `mode_open`. From two trials of each case
    on it must grow by `mode_gain` whenever the trials double, up to `mode_cap` trials of each case. Where more than one trial was
    planned, so much evidence must have had a chance of at most `mode_suspicion` among all modes; with less history, of at most
    `suspicion`.

    `cost_margin`, `latency_margin` and `tokens_margin` are how much more, as a share, a candidate may take (0: no margin, and
    nothing follows). With any of them set, `margin_share` of alpha is spent on showing that one is exceeded, and taken out of
    the suite's ceiling. `zero_tolerance` are the tags of cases that may never fail; what these block is spent beside alpha.

    `sealed_gap` says what follows from a gap between the open and the sealed part that chance explains ill: at `gap_level` a
    warning, with `block` at `gap_block_level` a block, which is spent beside alpha, not out of it.

    `window` is how many runs of a stored history count at most, and `window_days` how old they may be (0: no limit).
    """

    alpha: float = 0.05
    min_cases: int = 5
    max_missing: float = 0.02
    max_errors: float = 0.2
    suite_share: float = 0.5
    suite_ceiling_share: float = 0.6
    suite_relative: float = 1 / 3
    suite_lost: float = 1 / 6
    suite_net: float = 0.15
    mode_share: float = 0.1
    mode_repeat_share: float = 0.1
    case_share: float = 0.05
    repeat_share: float = 0.1
    together_share: float = 0.05
    unusual_first: float = 0.1
    unusual: float = 0.05
    solved: float = 0.8
    expected: float = 0.75
    history: int = 5
    few: int = 3
    suspicion: float = 0.1
    several: float = 0.05
    blind: float = 2 / 3
    power: float = 0.8
    repeat_cap: int = 60
    mode_open: float = -0.8
    mode_gain: float = 0.5
    mode_suspicion: float = 0.5
    mode_cap: int = 40
    cost_margin: float = 0.0
    latency_margin: float = 0.0
    tokens_margin: float = 0.0
    margin_share: float = 0.1
    zero_tolerance: tuple[str, ...] = ("safety",)
    sealed_gap: Literal["warn", "block", "off"] = "warn"
    gap_level: float = 0.05
    gap_block_level: float = 0.01
    window: int = 20
    window_days: float = 90.0

    def __post_init__(self) -> None:
        cases = self.case_share + self.repeat_share + self.together_share
        spent = self.suite_ceiling_share + self.mode_share + self.mode_repeat_share + cases
        if not 0 < self.alpha < 1:
            raise SettingError(f"gate.alpha is {self.alpha!r}", cure="give a number between 0 and 1")
        if spent > 1 + 1e-9 or self.suite_share > self._suite_ceiling_share:
            raise SettingError(f"the gate's tests would spend {spent:.3g} of alpha", cure="give shares that add up to at most 1")
        for name, margin in self.margins.items():
            if not 0 <= margin < math.inf:
                raise SettingError(f"gate.{name}_margin is {margin!r}", cure="give a share of at least 0, such as 0.1")

    @property
    def margins(self) -> dict[str, float]:
        """What a candidate may take more, by what is measured; 0 where there is no margin."""
        return {"cost": self.cost_margin, "latency": self.latency_margin, "tokens": self.tokens_margin}

    @property
    def margin_level(self) -> float:
        """The level of each margin that is set; all together spend `margin_share` of alpha, and nothing where none is."""
        held = sum(margin > 0 for margin in self.margins.values())
        return round(self.alpha * self.margin_share / held, 12) if held else 0.0

    @property
    def _suite_ceiling_share(self) -> float:
        return self.suite_ceiling_share - (self.margin_share if any(self.margins.values()) else 0.0)

    @property
    def suite_level(self) -> float:
        """The level of the suite test's mid-p value."""
        return round(self.alpha * self.suite_share, 12)

    @property
    def suite_ceiling(self) -> float:
        """The level of the suite test's exact p-value."""
        return round(self.alpha * self._suite_ceiling_share, 12)

    @property
    def suite_relative_level(self) -> float:
        """The level of the test for a fall by the same share of every case."""
        return round(self.suite_ceiling * self.suite_relative, 12)

    @property
    def suite_lost_level(self) -> float:
        """The level of the test for a fall by cases that pass no more."""
        return round(self.suite_ceiling * self.suite_lost, 12)

    @property
    def mode_level(self) -> float:
        """The level for all modes together, on the planned trials."""
        return round(self.alpha * self.mode_share, 12)

    @property
    def mode_repeat_level(self) -> float:
        """The level for all modes together, on planned trials and repeats, at every look."""
        return round(self.alpha * self.mode_repeat_share, 12)

    @property
    def case_level(self) -> float:
        """The level for all solved cases together, on the planned trials."""
        return round(self.alpha * self.case_share, 12)

    @property
    def repeat_level(self) -> float:
        """The level for all solved cases, each by itself, on planned trials and repeats, at every look."""
        return round(self.alpha * self.repeat_share, 12)

    @property
    def together_level(self) -> float:
        """The level for several cases that failed all their repeats, over all looks."""
        return round(self.alpha * self.together_share, 12)
