"""What running an eval costs beside the agent itself: per trial, for an agent that answers at once.

The floor is the same async function under a bare semaphore. `--data` is taken for uniformity and not read.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from loopwright import wiring
from loopwright.evaluate.case import Check, EvalCase, Suite
from loopwright.settings import Settings
from loopwright.workflows.running import Bench, RunRequest, run_suite

AGENT = "async def echo(given):\n    return given\n"
CONCURRENCY = 50


class Silent:
    """No progress bar."""

    def start(self, label: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, by: int = 1) -> None:
        """Nothing."""

    def done(self) -> None:
        """Nothing."""


async def echo(given: str) -> str:
    """The agent."""
    return given


async def floor(count: int) -> None:
    """Every case once, and compared."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def one(number: int) -> bool:
        async with places:
            return await echo(f"q{number}") == f"q{number}"

    assert all(await asyncio.gather(*map(one, range(count))))


def ours(count: int, folder: Path, where: str) -> None:
    """The same through `run`, with the agent in a process of its own and every result kept."""
    cases = tuple(EvalCase(f"c{n}", f"q{n}", checks=(Check("exact", {"value": f"q{n}"}),)) for n in range(count))
    settings = Settings({"run.concurrency": CONCURRENCY}, folder=folder)
    target = wiring.target("python:bench_agent:echo", settings)

    async def main(log: object) -> None:
        bench = Bench(target, wiring.executor(settings), log, wiring.clock(), wiring.checks_limit())
        report = await run_suite(RunRequest(Suite(cases), "v1"), bench, Silent())
        assert all(r.passed for r in report.results)
        assert len(report.results) == count

    if where == "file":
        log = wiring.result_file(folder / "results.jsonl", replace=True)
        asyncio.run(main(log))
        log.close()
    elif where == "memory":
        asyncio.run(main(wiring.memory_log()))
    else:
        with wiring.store(settings) as store:
            asyncio.run(main(store))


def timed(work: object) -> tuple[float, float]:
    """Wall and processor seconds of this process; the agent's process is not in the latter."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print a row per way of keeping results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="not read")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bench_agent.py").write_text(AGENT)
        sys.path.insert(0, name)
        import os

        os.chdir(name)
        print(f"{args.count} cases, concurrency {CONCURRENCY}, median of {args.rounds} rounds")
        print(f"{'results':<10}{'wall us/eval':>14}{'cpu us/eval':>14}")
        rows = {"floor": lambda: asyncio.run(floor(args.count))}
        rows |= {where: lambda where=where: ours(args.count, folder, where) for where in ("memory", "file", "store")}
        for label, work in rows.items():
            rounds = [timed(work) for _ in range(args.rounds)]
            wall, cpu = (statistics.median(column) / args.count * 1e6 for column in zip(*rounds, strict=True))
            print(f"{label:<10}{wall:>14.0f}{cpu:>14.0f}")


if __name__ == "__main__":
    main()
