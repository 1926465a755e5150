"""What triggers which layers: the options of a run that ask what changed, and the answer."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.evaluate.case import Layer
from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.layers import LayerChoice, choose, choose_by_parts, joined
from loopwright.evaluate.plan import Selection
from loopwright.settings import Settings
from loopwright.surfaces.cli.terminal import note
from loopwright.workflows.triggering import choose_layers


class Trigger(NamedTuple):
    """The options that say which layers to run."""

    changed: bool
    since: str | None
    release: str | None
    layers: tuple[Layer, ...]

    def filters(self, selection: Selection) -> tuple[str, ...]:
        """The options by which a part of the suite was chosen; layers that a change called for are chosen by that."""
        by_change = not self.layers and (self.changed or self.since is not None)
        flag = ("--since" if self.since is not None else "--changed") if by_change else "--layer"
        return tuple(flag if name == "--layer" else name for name in selection.filters)


def choose_by_trigger(trigger: Trigger, settings: Settings, file_mode: bool) -> tuple[LayerChoice | None, Fingerprint | None]:
    """The layers that the change calls for, where that is asked, and what the agent is made of, where a store keeps it."""
    if trigger.changed and trigger.since is not None:
        raise UsageError("--changed compares with the baseline, and --since with a commit; give one of them")
    asked = trigger.changed or trigger.since is not None
    made_of = wiring.fingerprint(settings, trigger.release) if asked or not file_mode else None
    if not asked or made_of is None:
        return None, made_of
    if trigger.layers:
        note("loopwright run: --layer says what is run, whatever changed")
        return None, made_of
    if trigger.since is not None:
        choice = (
            choose_by_parts(wiring.parts_changed_since(settings, trigger.since), trigger.since, named=made_of.named)
            if made_of.release is None
            else choose(made_of, None, trigger.since)
        )
    elif file_mode:
        choice = choose(made_of, None, "without a store no earlier run is known; --since COMMIT asks git instead")
    else:
        with wiring.store(settings) as kept:
            choice = asyncio.run(choose_layers(kept, made_of))
    note(f"loopwright run: {joined([layer.value for layer in choice.layers])}: {choice.why}")
    return choice, made_of
