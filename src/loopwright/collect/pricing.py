"""What a trace cost, where nobody said: by the tokens of its calls of models, at the price of each model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from loopwright.collect.trace import Step, Trace, Usage

Price = Callable[[str, str | None, Usage, datetime | None], float | None]
"""Dollars, by model, provider, usage and time; None where the price is not known."""

PRICED = "loopwright.priced"
"""The attribute of a trace whose cost was reckoned here: the models whose price was known."""

_PROVIDERS = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider")


def priced(trace: Trace, price: Price) -> Trace:
    """The trace with the cost of each call that tells its model and tokens and no cost, and its own cost as their sum.

    Calls within a call that tells are in it already, as in `Usage` of the whole. A trace that tells its cost is left as it is,
    and one of which some calls have no known price keeps an unknown cost: a part is not the whole.
    """
    if trace.usage.cost_usd is not None:
        return trace
    costs: dict[str, float] = {}
    models: set[str] = set()
    for step in trace.steps:
        if step.kind == "model" and step.model and step.usage is not None and step.usage.cost_usd is None and _told(step.usage):
            cost = price(step.model, _provider(step, trace), step.usage, step.started_at)
            if cost is not None:
                costs[step.span_id] = cost
                models.add(step.model)
    if not costs:
        return trace
    steps = tuple(_with_cost(step, costs.get(step.span_id)) for step in trace.steps)
    outer = [step.usage for step in _outer(steps) if step.usage is not None]
    known = [usage.cost_usd for usage in outer if usage.cost_usd is not None]
    whole = sum(known) if len(known) == len(outer) else None
    attributes = {**trace.attributes, PRICED: sorted(models)}
    return replace(trace, steps=steps, usage=replace(trace.usage, cost_usd=whole), attributes=attributes)


def _told(usage: Usage) -> bool:
    return usage.input_tokens is not None or usage.output_tokens is not None


def _provider(step: Step, trace: Trace) -> str | None:
    """Who served the model; `openai.chat` and `azure.ai.openai` are written in the words of price lists."""
    held: tuple[Mapping[str, object], ...] = (step.attributes, trace.attributes)
    name = next((value for given in held for key in _PROVIDERS if isinstance(value := given.get(key), str)), None)
    if name is None:
        return None
    return "azure" if name.startswith(("azure", "az.")) else name.partition(".")[0].lower()


def _with_cost(step: Step, cost: float | None) -> Step:
    if cost is None or step.usage is None:
        return step
    return replace(step, usage=replace(step.usage, cost_usd=cost))


def _outer(steps: tuple[Step, ...]) -> list[Step]:
    """The calls of models that tell their usage and lie within none that does."""
    parents = {step.span_id: step.parent_id for step in steps}
    telling = {step.span_id for step in steps if step.kind == "model" and step.usage is not None}
    return [step for step in steps if step.span_id in telling and not _within(step.parent_id, parents, telling)]


def _within(id: str | None, parents: Mapping[str, str | None], marked: set[str]) -> bool:
    seen: set[str] = set()
    while id is not None and id in parents and id not in seen:
        if id in marked:
            return True
        seen.add(id)
        id = parents[id]
    return False
