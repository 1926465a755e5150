"""5,000 cases with 5 trials on both sides: what the decision takes, and the whole command, beside the least that it could do."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from loopwright.gate.decide import decide
from loopwright.gate.exchange import read_result
from repeated_runs import write

CASES, TRIALS, MODES = 5_000, 5, 20
MOST_SECONDS, MOST_MB = 1.0, 300.0
_RATES = (0.02, 0.3, 0.8, 0.97, 1.0)

FLOOR = """
import json, sys
passed, failed = set(), set()
for line in open(sys.argv[1]):
    row = json.loads(line)
    if row["passed"]:
        passed.add(row["eval_id"])
for line in open(sys.argv[2]):
    row = json.loads(line)
    if not row["passed"]:
        failed.add(row["eval_id"])
print(len(passed & failed))
"""


WATCH = """
import os, subprocess, sys, time
start = time.perf_counter()
with subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL) as process:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


class Taken(NamedTuple):
    """Seconds by the clock and of the processor, and the most memory held, in MB."""

    wall: float
    cpu: float
    peak: float


def table() -> None:
    """Print what each way takes, the best of three."""
    print(f"\n{CASES:,} cases x {TRIALS} trials on both sides, the best of three by processor time")
    print(f"{'':<52}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}")
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.jsonl"), Path(folder, "after.jsonl")
        rates = [rng.choice(_RATES) for _ in range(CASES)]
        sides = [_rows(rng, rates, version) for version in ("v1", "v2")]
        for file, side in ((before, sides[0]), (after, sides[1])):
            write(file, side)
        old, new = ([read_result(row) for row in side] for side in sides)
        alone = _best(lambda: _timed(lambda: decide(old, new)))
        floor = _best(lambda: _process([sys.executable, "-c", FLOOR, str(before), str(after)]))
        command = [sys.executable, "-m", "loopwright", "gate", "--baseline", str(before), "--candidate", str(after)]
        whole = _best(lambda: _process([*command, "--format", "json"]))
        start = _best(lambda: _process([*command[:4], "--help"]))
    _row("the decision alone, of results in memory", alone)
    _row("loopwright gate, files to exit, a process of its own", whole)
    _row("of this, the start of the command (--help)", start)
    _row("floor: read both files with json, the naive rule", floor)
    holds = alone.cpu <= MOST_SECONDS and whole.peak <= MOST_MB
    what = f"decided in under {MOST_SECONDS:g} s of processor time and {MOST_MB:g} MB (peak of the whole command)"
    print(f"  {'holds' if holds else 'DOES NOT HOLD':<14}{what}")


def _rows(rng: random.Random, rates: list[float], version: str) -> list[dict[str, Any]]:
    """Rows as `loopwright run` writes them: the fields that the gate reads, and some that it does not."""
    return [
        {
            "eval_id": f"case-{case:04}",
            "run_id": f"run-{version}",
            "trial": trial,
            "passed": rng.random() < rate,
            "version": version,
            "suite_digest": "sha256:" + "a" * 64,
            "case_digest": f"sha256:{case:064x}",
            "layer": "semantic",
            "mode_id": f"mode-{case % MODES}",
            "cost_usd": 0.0125,
            "latency_ms": 1203.5,
            "tokens": 1830,
        }
        for trial in range(TRIALS)
        for case, rate in enumerate(rates)
    ]


def _best(measure: Callable[[], Taken]) -> Taken:
    return min((measure() for _ in range(3)), key=lambda taken: taken.cpu)


def _timed(work: Callable[[], object]) -> Taken:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    took = time.perf_counter() - wall, time.process_time() - cpu
    return Taken(*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _process(command: list[str]) -> Taken:
    """What a process takes. It is started by a small one of its own, so that its peak is not that of the benchmark."""
    told = subprocess.run([sys.executable, "-c", WATCH, *command], stdout=subprocess.PIPE, check=True, text=True).stdout
    return Taken(*map(float, told.split()))


def _row(what: str, taken: Taken) -> None:
    print(f"{what:<52}{taken.wall:>9.2f}{taken.cpu:>9.2f}{taken.peak:>9.0f}")
