"""A run killed again and again goes on each time: real processes, real SIGKILLs."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from loopwright import wiring
from loopwright.errors import StoreError
from loopwright.evaluate.result import EvalResult
from loopwright.settings import Settings

CASES, TRIALS, AT_ONCE, KILLS = 40, 10, 4, 10
AGENT = """
import asyncio

async def answer(given):
    with open("calls", "a") as calls:
        calls.write(given + "\\n")
    await asyncio.sleep(0.05)
    return {"output": given, "cost_usd": 0.001}
"""
COMMAND = [
    sys.executable, "-m", "loopwright", "run", "--target", "python:agent:answer", "--version", "v1", "--trials", str(TRIALS),
    "--concurrency", str(AT_ONCE), "--budget-usd", "5",
]  # fmt: skip


def test_killed_at_ten_random_moments_nothing_is_lost_and_only_what_was_under_way_runs_twice(project: Path) -> None:
    (project / "agent.py").write_text(AGENT)
    (project / "evals").mkdir()
    cases = "".join(f"  - {{id: c{n}, input: q{n}, checks: [{{type: contains, value: q{n}}}]}}\n" for n in range(CASES))
    (project / "evals" / "cases.yaml").write_text(f"cases:\n{cases}")
    moments = random.Random(20261123)
    kept: list[EvalResult] = []
    for _ in range(KILLS):
        before = calls(project)
        with subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and calls(project) == before:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.3))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        found = stored(project)
        assert found[: len(kept)] == kept  # in the order in which they came, and as they were
        kept = found
    assert subprocess.run(COMMAND, capture_output=True, check=False).returncode == 0

    found = stored(project)
    assert found[: len(kept)] == kept
    assert sorted((r.eval_id, r.trial, r.passed) for r in found) == sorted(
        (f"c{n}", trial, True) for n in range(CASES) for trial in range(TRIALS)
    )
    under_way = AT_ONCE + 2 * AT_ONCE  # asked, or answered and not yet taken, at each kill
    assert CASES * TRIALS <= calls(project) <= CASES * TRIALS + KILLS * under_way


def calls(project: Path) -> int:
    return (project / "calls").read_text().count("\n") if (project / "calls").exists() else 0


def stored(project: Path) -> list[EvalResult]:
    try:
        with wiring.store(Settings(folder=project), create=False) as store:
            (run,) = store.runs()
            return store.results(run.run_id)
    except StoreError:
        return []
