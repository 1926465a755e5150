"""What layers take, for a person: time against its target, money, and what was not run."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.evaluate.budget import Estimate, LayerCost, dollars
from loopwright.evaluate.case import Layer
from loopwright.settings import Settings
from loopwright.surfaces.cli.terminal import note, table
from loopwright.wording import counted


def show_costs(rows: Sequence[LayerCost], settings: Settings, as_notes: bool) -> None:
    """What each layer took: a table on stdout, or lines on stderr."""
    told = [(r.layer.value, r.cases, _trials(r), against_target(r.layer, r.seconds, settings), _cost(r)) for r in rows]
    if as_notes:
        for layer, cases, trials, time, cost in told:
            note(f"{layer}: {counted(cases, 'case')}, trials: {trials}, {time}, {cost}")
    elif told:
        table("", ("layer", "cases", "trials", "time", "cost"), told, right=(1, 2))


def show_estimate(rows: Sequence[Estimate], settings: Settings) -> None:
    """What each layer is expected to take, as a table on stdout."""
    told = [
        (
            r.layer.value,
            r.cases,
            r.trials,
            against_target(r.layer, r.seconds, settings),
            "not known" if r.cost_usd is None else dollars(r.cost_usd),
            counted(r.history, "earlier trial"),
        )
        for r in rows
    ]
    table("Expected", ("layer", "cases", "trials", "time", "cost", "from"), told, right=(1, 2))
    costs = [r.cost_usd for r in rows]
    if None in costs:
        note("what a layer costs is known once a run of it told cost_usd")
    elif len(costs) > 1:
        note(f"together {dollars(sum(cost for cost in costs if cost is not None))}")


def against_target(layer: Layer, seconds: float | None, settings: Settings) -> str:
    """A time, and whether it keeps within the layer's target."""
    target = float(settings[f"run.target_{layer.value}"])
    if seconds is None:
        return f"not known (target {duration(target)})"
    return f"{duration(seconds)} ({'over its' if seconds > target else 'within its'} target of {duration(target)})"


def duration(seconds: float) -> str:
    """A time in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _trials(row: LayerCost) -> str:
    return f"{row.trials} of {row.trials + row.left}" if row.left else str(row.trials)


def _cost(row: LayerCost) -> str:
    if row.cost_usd is None:
        return "cost not told"
    return dollars(row.cost_usd) + (f" ({counted(row.untold, 'trial')} told no cost)" if row.untold else "")
