"""The last stage: the report, the trail, and the one next step for an agent of one's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from loopwright import wiring
from loopwright.audit.trail import breaks
from loopwright.surfaces.cli.demo.production import FIRST, SECOND
from loopwright.surfaces.cli.demo.stage import PERSON, Stage, World
from loopwright.surfaces.cli.terminal import say, table
from loopwright.surfaces.reports.page import render
from loopwright.wording import counted
from loopwright.workflows.reporting import report

PAGE = "report.html"
_TOML = """\
# The demo's project: every command of Loopwright works on it from this folder.
[target]
url = "python:demo_agent:answer"
"""
_AGENT = '''"""The agent that the demo released, with its planted defects; its guards stand in harness.toml, beside this file.

Change one of its settings, or a guard, then: loopwright run && loopwright gate
"""

import os
from pathlib import Path

HARNESS = Path(__file__).with_name("harness.toml")

os.environ.setdefault("LOOPWRIGHT_AIRLINE_SEED", "{seed}")
os.environ.setdefault("LOOPWRIGHT_AIRLINE_DEFECTS", "all")
os.environ.setdefault("LOOPWRIGHT_AIRLINE_VERSION", "{version}")
if HARNESS.exists():
    os.environ.setdefault("LOOPWRIGHT_HARNESS", str(HARNESS))

from loopwright.examples.airline.agent import answer  # noqa: E402, F401
'''


async def _end(world: World) -> dict[str, Any]:
    analysis = await report(world.airline, list(wiring.detectors()), world.clock)
    page = world.folder / PAGE
    wiring.write_file(page, render(replace(analysis, title="The shipped airline agent"), version("loopwright")))
    wiring.write_file(world.folder / "loopwright.toml", _TOML)
    released = [release.version for release in world.airline.releases()]
    agent = _AGENT.format(seed=world.seed, version=SECOND if SECOND in released else FIRST)
    wiring.write_file(world.folder / "demo_agent.py", agent)
    trail = world.airline.trail()
    actions = Counter(entry.entry.action for entry in trail.recorded if entry.entry is not None)
    return {
        "report": str(page),
        "folder": str(world.folder),
        "decisions": dict(sorted(actions.items())),
        "trail": {"entries": len(trail.recorded), "breaks": len(breaks(trail))},
    }


def _show(figures: dict[str, Any]) -> None:
    table("", ["decided in the trail", "times"], list(figures["decisions"].items()), right=[1])
    trail = figures["trail"]
    state = "whole" if not trail["breaks"] else "broken"
    say(
        f"{counted(trail['entries'], 'entry', 'entries')}, hash-chained: {state}. What a person "
        f"decided was decided by {PERSON!r}."
    )
    say(f"Version {FIRST} shipped before there was a gate, which is why it stands as released despite it.")
    say("")
    say(f"the report          {figures['report']}")
    say(f"look around         cd {figures['folder']} && loopwright review")
    say('your own agent      loopwright analyze FILE    one conversation a line: {"id", "messages"}')


STAGES = (Stage("end", "audit, report", "Who decided what; and everything on one page.", _end, _show),)
