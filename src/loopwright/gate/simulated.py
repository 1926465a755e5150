"""What rounds of simulation add up to: how often the gate blocks, finds and errs, at what cost, and what that says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from loopwright.gate.decision import Outcome
from loopwright.gate.policy import Policy
from loopwright.gate.simulate import Played, Scenario
from loopwright.stats.intervals import clopper_pearson
from loopwright.wording import counted, percent

GOOD = 0.8
"""From this share of rounds on, a change is said to be found."""


class Share(NamedTuple):
    """A share of rounds with its exact 95 % interval (`stats.intervals.clopper_pearson`)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario with one number of planned trials, over all its rounds.

    `found` is None where nothing fell. `trials` is the mean number of trials a case that the candidate took; `fixed` what a
    design that may not look before its end would take to try every case as often as the one that was tried most: it cannot know
    which that will be. `dollars` and `fixed_dollars` are their cost a comparison, None where the history tells no cost.
    """

    scenario: Scenario
    planned: int
    rounds: int
    approved: Share
    undecided: Share
    blocked: Share
    found: Share | None
    trials: float
    fixed: float
    dollars: float | None
    fixed_dollars: float | None


def summarise(scenario: Scenario, planned: int, played: Sequence[Played], cases: int) -> Cell:
    """Add up at least one round of a suite with so many cases."""
    n = len(played)

    def share(count: int) -> Share:
        return Share(count / n, *clopper_pearson(count, n))

    def outcome(wanted: Outcome) -> Share:
        return share(sum(p.outcome is wanted for p in played))

    trials, fixed = sum(p.trials for p in played) / n / cases, sum(p.most for p in played) / n
    paid = [p.dollars for p in played if p.dollars is not None]
    dollars = sum(paid) / len(paid) if paid else None
    return Cell(
        scenario=scenario,
        planned=planned,
        rounds=n,
        approved=outcome(Outcome.APPROVED),
        undecided=outcome(Outcome.UNDECIDED),
        blocked=outcome(Outcome.BLOCKED),
        found=None if scenario.of == "nothing" else share(sum(bool(p.found) for p in played)),
        trials=trials,
        fixed=fixed,
        dollars=dollars,
        fixed_dollars=dollars * fixed / trials if dollars is not None else None,
    )


def told_scenario(scenario: Scenario) -> str:
    """A scenario in words."""
    if scenario.of == "nothing":
        return "nothing changed"
    if scenario.of == "case":
        return (
            "one solved case lost" if scenario.points == 1 else f"one solved case falls to {percent(1 - scenario.points, None)}"
        )
    which = "one mode" if scenario.of == "mode" else "the suite"
    return f"{which} down {100 * scenario.points:.3g} points"


def cell_record(cell: Cell) -> dict[str, Any]:
    """A cell as JSON: shares lie in 0..1, each with its interval."""

    def share(value: Share | None) -> dict[str, float] | None:
        return value._asdict() if value is not None else None

    return {
        "scenario": {"of": cell.scenario.of, "points": cell.scenario.points, "text": told_scenario(cell.scenario)},
        "planned_trials": cell.planned,
        "rounds": cell.rounds,
        **{name: share(getattr(cell, name)) for name in ("approved", "undecided", "blocked", "found")},
        "trials_per_case": cell.trials,
        "fixed_trials_per_case": cell.fixed,
        "cost_usd": cell.dollars,
        "fixed_cost_usd": cell.fixed_dollars,
    }


def reading(cells: Sequence[Cell], policy: Policy) -> list[str]:
    """What the table says, a sentence a number of planned trials, and what it says about false alarms."""
    lines = []
    same = [cell for cell in cells if cell.scenario.of == "nothing"]
    rounds = sum(cell.rounds for cell in same)
    if rounds:
        blocked = round(sum(cell.blocked.value * cell.rounds for cell in same))
        high = clopper_pearson(blocked, rounds).high
        lines.append(
            f"An agent that did not change was blocked in {blocked} of {counted(rounds, 'round')}, over all numbers of trials: "
            f"{percent(blocked / rounds)}, and up to {percent(high)} is within the error of so many rounds. The gate states "
            f"at most {percent(policy.alpha, None)}."
        )
    trials = dict.fromkeys(cell.planned for cell in cells)
    return lines + [_with_trials(planned, [cell for cell in cells if cell.planned == planned]) for planned in trials]


def _with_trials(planned: int, cells: Sequence[Cell]) -> str:
    """What so many planned trials find, mostly find and miss, and what they take where nothing changed."""
    same = next((cell for cell in cells if cell.scenario.of == "nothing"), None)
    cost = f" take {same.trials:.2f} a case where nothing changed, repeats included, and" if same is not None else ""
    said = []
    for what, low, high in (("find", GOOD, 2.0), ("find at times", 0.2, GOOD), ("seldom or never find", -1.0, 0.2)):
        names = [
            f"{told_scenario(cell.scenario)} ({percent(cell.found.value, 0)})"
            for cell in cells
            if cell.found is not None and low <= cell.found.value < high
        ]
        said += [f"{what} {_joined(names)}"] if names else []
    plain = f"{counted(planned, 'planned trial')} a case{cost} {'; '.join(said) or 'were tried on nothing that fell'}"
    return (plain.replace(" take ", " takes ").replace("find", "finds") if planned == 1 else plain) + "."


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
