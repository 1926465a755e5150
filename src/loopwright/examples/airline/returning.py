"""Customers of recorded conversations who come back: the cases on which a guard is tried with and without."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from loopwright.collect.trace import Trace
from loopwright.evaluate.case import Check, EvalCase, Layer
from loopwright.examples.airline.scenario import Scenario


def returning(traces: Iterable[Trace], seed: int, start: datetime, new_topic_week: int | None = None) -> tuple[EvalCase, ...]:
    """One case for each trace's customer, who has the same goal and mood again and reacts to what the agent says this time.

    `seed`, `start` and `new_topic_week` are those of the traffic (see `simulate`). The first trial of a case has the same chances
    as the recorded conversation had, every other has its own.
    """
    return tuple(_case(trace, seed, start, new_topic_week) for trace in traces)


def _case(trace: Trace, seed: int, start: datetime, new_topic_week: int | None) -> EvalCase:
    number = int((trace.session_id or "0").rpartition("-")[2])
    week = (trace.started_at - start).days // 7 if trace.started_at is not None else 0
    scenario = Scenario(number, week, pets=new_topic_week is not None and week >= new_topic_week)
    kinds = [goal.kind for goal in scenario.visitor(seed).goals]
    goals = " and ".join(kind.replace("_", " ") for kind in kinds)
    return EvalCase(
        f"returning-{trace.session_id}",
        scenario.text,
        f"The customer's goal is met: {goals}.",
        tags=("scenario", *kinds),
        layer=Layer.BEHAVIORAL,
        checks=(Check("json_path", {"path": "$.goal_met", "equals": True}),),
    )
