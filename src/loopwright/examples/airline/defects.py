"""What is wrong with the agent, as ground truth: planted on purpose, each with a switch, and never read by the loop.

| defect | kind | what happens |
|---|---|---|
| `repeats_calls` | deduplicate_calls | the planner does not notice a result, and asks the same again and again |
| `contradicts_itself` | check_consistency | an amount or a date that it told before is told differently later |
| `forgets_instructions` | pin_instructions | in a long context, instructions that lie far back are not followed |
| `skips_identity_check` | scope_permissions | it tries sensitive tools without the identity check, is refused, and tries again |
| `invents_tool_names` | validate_tool_names | it calls tools that do not exist, and then says what is not so |
| `retries_without_end` | retry_budget | it answers a failing service with more of the same calls |
| `wrong_baggage_rule` | knowledge | it knows the baggage allowance by heart, and wrongly: two free bags for everybody |
| `ignores_refund_window` | knowledge | it gives back money for tickets that are not refundable any more |
| `forgets_change_fee` | knowledge | it quotes changes without the fee, which is charged all the same |
| `wrong_check_in_time` | knowledge | it says that check-in opens 48 hours before departure |
| `mixes_up_reservations` | long conversations | late in a conversation it acts on the booking that came up first |
| `reveals_others_booking` | rare and severe | a mistyped reservation number: it reads out somebody else's name and flight |
| `prices_one_passenger` | regression | version 1.1 and later quote the price of one passenger for the whole party |

A rate is the chance that a session has the tendency; it fires only where the conversation gives it the occasion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from random import Random

GUARD_FOR: Mapping[str, str] = {
    "repeats_calls": "deduplicate_calls",
    "contradicts_itself": "check_consistency",
    "forgets_instructions": "pin_instructions",
    "skips_identity_check": "scope_permissions",
    "invents_tool_names": "validate_tool_names",
    "retries_without_end": "retry_budget",
}
"""The kind of guard that can stop a defect; the others need another remedy."""

KNOWLEDGE = ("wrong_baggage_rule", "ignores_refund_window", "forgets_change_fee", "wrong_check_in_time")


@dataclass(frozen=True, slots=True)
class Defects:
    """The rate of each defect, from 0 (off) to 1."""

    repeats_calls: float = 0.0
    contradicts_itself: float = 0.0
    forgets_instructions: float = 0.0
    skips_identity_check: float = 0.0
    invents_tool_names: float = 0.0
    retries_without_end: float = 0.0
    wrong_baggage_rule: float = 0.0
    ignores_refund_window: float = 0.0
    forgets_change_fee: float = 0.0
    wrong_check_in_time: float = 0.0
    mixes_up_reservations: float = 0.0
    reveals_others_booking: float = 0.0
    prices_one_passenger: float = 0.0

    def __post_init__(self) -> None:
        for name in NAMES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"the rate of {name} is {getattr(self, name)}; give 0 to 1")

    def draw(self, rng: Random) -> frozenset[str]:
        """The tendencies of one session. Each defect takes one draw, on or off, so that switching one leaves the others."""
        return frozenset(name for name in NAMES if rng.random() < getattr(self, name))

    def only(self, *names: str) -> Defects:
        """These defects, at their rates here, and no others."""
        return Defects(**{name: getattr(self, name) for name in names})

    def without(self, *names: str) -> Defects:
        """All but these."""
        return replace(self, **dict.fromkeys(names, 0.0))


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Defects))

NONE = Defects()
ALL = Defects(
    repeats_calls=0.16,
    contradicts_itself=0.25,
    forgets_instructions=0.75,
    skips_identity_check=0.16,
    invents_tool_names=0.35,
    retries_without_end=0.9,
    wrong_baggage_rule=0.6,
    ignores_refund_window=0.6,
    forgets_change_fee=0.5,
    wrong_check_in_time=0.6,
    mixes_up_reservations=0.8,
    reveals_others_booking=0.6,
)
"""Every defect at its usual rate; the regression belongs to versions, see `versions`."""
