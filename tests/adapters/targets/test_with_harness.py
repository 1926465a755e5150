from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from loopwright import wiring
from loopwright.adapters.targets.with_harness import WithHarness
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError
from loopwright.guards.harness_file import VARIABLE, parse_guards
from loopwright.settings import Settings

TELL = "import os\ndef answer(value):\n    return open(os.environ['LOOPWRIGHT_HARNESS']).read()\n"
TABLES = {"retry_budget": {"mode": "enforce", "per_tool": 2}}


def ask(target: WithHarness) -> TargetReply:
    async def go() -> TargetReply:
        await target.open()
        try:
            return await target.call(CallTarget("hello", "c", 0, 10))
        finally:
            await target.close()

    return asyncio.run(go())


@pytest.mark.parametrize("url", ["python:tell:answer", "command:sh -c 'cat \"$LOOPWRIGHT_HARNESS\"'"])
def test_the_agent_is_told_its_harness(project: Path, url: str) -> None:
    (project / "tell.py").write_text(TELL, encoding="utf-8")
    (project / "harness.toml").write_text("[guards.retry_budget]\n", encoding="utf-8")
    made = wiring.target_with(url, Settings())
    (guard,) = parse_guards(ask(made(TABLES)).output)  # type: ignore[arg-type]
    assert (guard.name, guard.mode) == ("retry_budget", "enforce")
    assert parse_guards(ask(made({})).output) == ()  # type: ignore[arg-type]


def test_the_file_lives_as_long_as_the_target_is_open() -> None:
    seen: list[Path] = []

    class Agent:
        name = "agent"

        async def open(self) -> None:
            assert seen[-1].read_text(encoding="utf-8") == "text"

        async def call(self, request: CallTarget) -> TargetReply:
            return TargetReply("fine")

        async def close(self) -> None:
            assert seen[-1].exists()

    def make(environment: Mapping[str, str]) -> Agent:
        if environment:
            seen.append(Path(environment[VARIABLE]))
        return Agent()

    target = WithHarness(make, "text")
    assert target.name == "agent"
    assert ask(target).output == "fine"
    assert not seen[-1].exists()
    assert asyncio.run(target.call(CallTarget("x", "c", 0, 1))).error == "target agent is not open"


def test_a_target_that_runs_elsewhere_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be given a harness"):
        wiring.target_with("https://agents.example/answer", Settings())
    with pytest.raises(UsageError, match="no target is named"):
        wiring.target_with("", Settings())
