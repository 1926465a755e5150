"""Repeated runs of real agents, as benchmarks read them: of each case the verdict of each trial."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

Runs = dict[str, dict[int, bool | None]]
"""case -> trial -> verdict; None where a trial has none."""


def repeated(data: Path) -> dict[str, dict[str, Runs]]:
    """The agents of each set that was run more than once, by set and by name."""
    return {
        "tau_bench": tau_bench(data),
        "tau2_variants": tau2_variants(data),
        "terminal_bench": terminal_bench(data),
        "mast/ag2_math": ag2_math(data),
    }


def tau_bench(data: Path) -> dict[str, Runs]:
    """One agent, 50 tasks, 4 trials."""
    runs: Runs = defaultdict(dict)
    for row in _lines(data / "tau_bench" / "gpt-4o-airline.jsonl.gz"):
        runs[str(row["task_id"])][row["trial"]] = row["reward"] == 1.0
    return {"tau-bench airline gpt-4o": runs}


def tau2_variants(data: Path) -> dict[str, Runs]:
    """Four agents, 10 tasks, 2 trials: too little evidence for anything."""
    found = {}
    for file in sorted((data / "tau2_variants").glob("airline*.json.gz")):
        runs: Runs = defaultdict(dict)
        for row in json.loads(gzip.decompress(file.read_bytes()))["simulations"]:
            reward = (row.get("reward_info") or {}).get("reward")
            runs[str(row["task_id"])][row["trial"]] = None if reward is None else reward == 1.0
        found[f"tau2 {file.name.split('2t')[1].split('.')[0].strip('_') or 'baseline'}"] = runs
    return found


def terminal_bench(data: Path) -> dict[str, Runs]:
    """Six agents, 80 tasks, 5 runs; a trial without a verdict is one."""
    found = {}
    for file in sorted((data / "terminal_bench").glob("2*.jsonl.gz")):
        runs: Runs = defaultdict(dict)
        numbers: dict[str, int] = {}
        for row in _lines(file):
            runs[row["task_id"]][numbers.setdefault(row["run"], len(numbers))] = row["is_resolved"]
        found[f"terminal {file.name[9:-9]}"] = runs
    return found


def ag2_math(data: Path) -> dict[str, Runs]:
    """Three designs, 200 problems, 6 seeds."""
    found: dict[str, Runs] = defaultdict(lambda: defaultdict(dict))
    with gzip.open(data / "mast" / "ag2_math" / "outcomes.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            found[f"ag2 {row['prompt']} prompt, {row['topology']} topology"][row["instance_id"]][int(row["seed"])] = (
                row["correct"] == "1"
            )
    return dict(found)


def swe_bench_pro(data: Path) -> list[Runs]:
    """Five systems, one run each."""
    files = sorted((data / "swe_bench_pro" / "eval_results").glob("*.json.gz"))
    return [{case: {0: passed} for case, passed in json.loads(gzip.decompress(file.read_bytes())).items()} for file in files]


def bfcl(data: Path) -> list[Runs]:
    """Models on all the items of the leaderboard, one run each."""
    found: dict[str, Runs] = defaultdict(dict)
    with gzip.open(data / "bfcl" / "outcomes.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            failed = {int(i) for i in row["failed_ids"].split()}
            for item in range(1, int(row["total_count"]) + 1):
                found[row["model"]][f"{row['test_category']}/{item}"] = {0: item not in failed}
    return list(found.values())


def trials_of(runs: Runs) -> list[int]:
    """The numbers of the trials that any case has."""
    return sorted({trial for case in runs.values() for trial in case})


def halves(trials: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
    """All ordered pairs of complementary halves; of an odd number, the larger half comes first and second in turn."""
    for size in sorted({len(trials) // 2, (len(trials) + 1) // 2}):
        for first in itertools.combinations(trials, size):
            yield list(first), [t for t in trials if t not in first]


def singles(trials: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
    """All ordered pairs of single runs."""
    return (([a], [b]) for a, b in itertools.permutations(trials, 2))


def splits(trials: Sequence[int], first: int, second: int) -> Iterator[tuple[list[int], list[int]]]:
    """All pairs of `first` trials and `second` others."""
    for chosen in itertools.combinations(trials, first):
        for others in itertools.combinations([t for t in trials if t not in chosen], second):
            yield list(chosen), list(others)


def pass_rate(runs: Runs, cases: Iterable[str]) -> float:
    """The share of all trials of these cases that passed."""
    return mean(verdict is True for case in cases for verdict in runs[case].values())


def rows(runs: Runs, cases: Sequence[str], trials: Sequence[int]) -> list[dict[str, Any]]:
    """Lines of the gate's exchange format."""
    return [{"eval_id": case, "trial": t, "passed": runs[case][t]} for t in trials for case in cases if t in runs[case]]


def write(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write lines of JSON."""
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
