"""Going through the stages: each is computed once, noted in the journal, and shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loopwright import wiring
from loopwright.surfaces.cli.demo.journal import begin
from loopwright.surfaces.cli.demo.stage import SimulatedClock, Stage, World, open_store, store_settings
from loopwright.surfaces.cli.terminal import TerminalProgress, say


async def go_through(
    stages: Sequence[Stage], folder: Path, seed: int, sessions: int, *, quiet: bool, made_by: str
) -> dict[str, dict[str, Any]]:
    """Run the stages in `folder` and return their figures by name; those that a demo cut short has done are not done again.

    `made_by` is the version: another version's or another seed's demo is made anew. With `quiet` nothing is shown.
    """
    journal = begin(folder, {"demo": made_by, "seed": seed, "sessions": sessions}, stages[-1].name)
    wiring.write_file(folder / ".gitignore", "*\n")
    show: Callable[[str], None] = (lambda _: None) if quiet else say
    if journal.resumed:
        show(f"going on with a demo that was cut short after its stage {list(journal.done)[-1]!r}")
    settings, conversation_settings = store_settings(folder), store_settings(folder / "conversations")
    with open_store(settings) as airline, open_store(conversation_settings) as conversations:
        world = World(
            folder, seed, sessions, SimulatedClock(), TerminalProgress(), settings, airline, conversation_settings, conversations
        )
        for number, stage in enumerate(stages, 1):
            show("")
            show(f"== {number} {stage.title}  {stage.about}")
            figures = journal.done.get(stage.name)
            if figures is None:
                figures = journal.record(stage.name, await stage.compute(world))
            if not quiet:
                stage.show(figures)
    return journal.done
