"""What a run is compared with to tell which layers a change calls for, and what earlier runs tell of the cost of the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from loopwright.evaluate.budget import layer_of
from loopwright.evaluate.case import Layer
from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.layers import LayerChoice, choose
from loopwright.evaluate.result import EvalResult
from loopwright.ports import RunStore

LOOKED_AT = 20
"""So many of the latest runs are looked at for what trials cost."""
ENOUGH = 30
"""With so many trials of every layer, no earlier run is looked at."""


async def choose_layers(store: RunStore, now: Fingerprint) -> LayerChoice:
    """The layers that the difference from the baseline calls for, or, where there is none, from the latest finished run.

    The baseline is what was released: a change since then stays a change until it is released, however often it was run.
    """
    baseline = [run for run in map(store.run, store.baseline()) if run is not None]
    if baseline:
        held = baseline[-1].fingerprint
        return choose(now, held, "the baseline" if held is not None else "the baseline does not tell what it was made of")
    told = [run for run in store.runs() if run.finished_at is not None and run.fingerprint is not None]
    if not told:
        return choose(now, None, "no earlier run tells what it was made of")
    return choose(now, told[-1].fingerprint, f"run {told[-1].run_id}")


def earlier_results(store: RunStore, target: str, layers: Collection[Layer]) -> tuple[EvalResult, ...]:
    """Results of the latest runs against a target, back to where every one of the layers has enough."""
    found: list[EvalResult] = []
    for run in [run for run in reversed(store.runs()) if run.target == target][:LOOKED_AT]:
        found += store.results(run.run_id)
        known = Counter(layer_of(result) for result in found)
        if all(known[layer] >= ENOUGH for layer in layers):
            break
    return tuple(found)
