"""The gate on repeated runs of real agents: what noise does, and which real drops are seen.

    python bench/gate.py --data DIR

Every comparison goes through `loopwright.workflows.gating.gate_files`, as `loopwright gate --baseline --candidate` does. Beside
it stand, on the same rows, the naive rule (passed before, fails now) and the unpaired z-test on all trials at 5 %.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import itertools
import json
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import NormalDist, mean
from typing import NamedTuple

from loopwright import wiring
from loopwright.gate.decision import GateDecision
from loopwright.settings import Settings
from loopwright.workflows.gating import gate_files

Runs = dict[str, dict[int, bool | None]]
"""case -> trial -> verdict"""

OUTCOMES = ("approved", "undecided", "blocked")


class Compared(NamedTuple):
    """One comparison: what the gate said, and what the peers would have done."""

    decision: GateDecision
    naive: int
    z_blocks: bool
    drop: float


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with tau_bench, terminal_bench, mast, ...")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        agents = {**tau_bench(args.data), **tau2_variants(args.data), **terminal_bench(args.data), **ag2_math(args.data)}
        no_change(bench, agents)
        real_change(bench, args.data, agents)


class Bench:
    """Compares through files, as a user does."""

    def __init__(self, folder: Path) -> None:
        self.before, self.after = folder / "before.jsonl", folder / "after.jsonl"
        settings = Settings()
        self.reader, self.policy = wiring.record_reader(settings), wiring.gate_policy(settings)

    def compare(self, old: Runs, before: Iterable[int], new: Runs, after: Iterable[int]) -> Compared:
        """Trials `before` of `old` against trials `after` of `new`, on the cases that both have."""
        cases = sorted(set(old) & set(new))
        rows0, rows1 = _rows(old, cases, before), _rows(new, cases, after)
        _write(self.before, rows0)
        _write(self.after, rows1)
        decision = asyncio.run(gate_files(self.reader, [str(self.before)], str(self.after), self.policy))
        naive = len(decision.statistics["naive"]["regressions"]) if "naive" in decision.statistics else 0
        x0, x1 = (sum(r["passed"] is True for r in rows) for rows in (rows0, rows1))
        drop = x0 / len(rows0) - x1 / len(rows1)
        return Compared(decision, naive, _z_blocks(x0, len(rows0), x1, len(rows1)), drop)


def no_change(bench: Bench, agents: dict[str, Runs]) -> None:
    """The same agent on both sides: all ordered pairs of disjoint halves, and of single runs."""
    for kind, pairs_of in (("halves", halves), ("single runs", singles)):
        print(f"\nNo change, {kind}: the agent is the same on both sides")
        print(
            f"{'agent':<34}{'cases':>6}{'pairs':>6}"
            + "".join(f"{o:>11}" for o in OUTCOMES)
            + f"{'naive blocks':>14}{'with':>14}{'z blocks':>10}"
        )
        total: Counter[str] = Counter()
        for name, runs in agents.items():
            trials = sorted({t for case in runs.values() for t in case})
            done = [bench.compare(runs, a, runs, b) for a, b in pairs_of(trials)]
            if not done:
                continue
            count = Counter(c.decision.decision.value for c in done if c.decision.decision is not None)
            count.update({"pairs": len(done), "naive": sum(c.naive > 0 for c in done), "z": sum(c.z_blocks for c in done)})
            total.update(count)
            found = [c.naive for c in done]
            print(_row(name, len(runs), count) + f"{min(found)}-{max(found)} ({mean(found):.1f})".rjust(12) + f"{count['z']:>10}")
        print(_row("all", 0, total) + " " * 12 + f"{total['z']:>10}")


def real_change(bench: Bench, data: Path, agents: dict[str, Runs]) -> None:
    """Pairs of agents with a known drop, by its size; and the same pairs reversed."""
    print("\nReal change: the worse agent as candidate; blocked, by the drop of the pass rate over all trials, and reversed")
    print(f"{'pairs':<34}{'drop':>8}{'n':>5}{'blocked':>9}{'undecided':>11}{'z blocks':>10}{'reversed: suite/mode blocks':>30}")
    for name, pairs, before, after in _changes(data, agents):
        bins: dict[str, list[tuple[Compared, Compared]]] = defaultdict(list)
        for one, other in pairs:
            better, worse = (one, other) if _rate(one, other) >= _rate(other, one) else (other, one)
            drop = 100 * (_rate(better, worse) - _rate(worse, better))
            label = next((text for least, text in _BINS if drop >= least), "")
            if label:
                bins[label].append((bench.compare(better, before, worse, after), bench.compare(worse, before, better, after)))
        for _, label in _BINS:
            done = bins.get(label, [])
            if done:
                count = Counter(c.decision.decision.value for c, _ in done if c.decision.decision is not None)
                wrong = sum(
                    any(getattr(r, "level", "") in ("suite", "mode") for r in back.decision.regressions) for _, back in done
                )
                z = sum(c.z_blocks for c, _ in done)
                print(f"{name:<34}{label:>8}{len(done):>5}{count['blocked']:>9}{count['undecided']:>11}{z:>10}{wrong:>30}")


_BINS = ((10.0, ">= 10"), (8.0, "8-10"), (5.0, "5-8"), (4.0, "4-5"), (2.0, "2-4"))


def _changes(data: Path, agents: dict[str, Runs]) -> Iterator[tuple[str, list[tuple[Runs, Runs]], list[int], list[int]]]:
    terminal = [runs for name, runs in agents.items() if name.startswith("terminal")]
    math_agents = [runs for name, runs in agents.items() if name.startswith("ag2")]
    yield "terminal-bench agents, 3 v 2", list(itertools.combinations(terminal, 2)), [0, 1, 2], [3, 4]
    yield "ag2 designs, 3 v 2", list(itertools.combinations(math_agents, 2)), [42, 43, 44], [45, 46]
    yield "swe-bench-pro systems, 1 v 1", list(itertools.combinations(swe_bench_pro(data), 2)), [0], [0]
    yield "bfcl models, 1 v 1", list(itertools.combinations(bfcl(data), 2)), [0], [0]


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


def halves(trials: list[int]) -> Iterator[tuple[list[int], list[int]]]:
    """All ordered pairs of complementary halves; of an odd number, the larger half comes first and second in turn."""
    for size in sorted({len(trials) // 2, (len(trials) + 1) // 2}):
        for first in itertools.combinations(trials, size):
            yield list(first), [t for t in trials if t not in first]


def singles(trials: list[int]) -> Iterator[tuple[list[int], list[int]]]:
    """All ordered pairs of single runs."""
    return (([a], [b]) for a, b in itertools.permutations(trials, 2))


def _rate(runs: Runs, other: Runs) -> float:
    verdicts = [v is True for case in set(runs) & set(other) for v in runs[case].values()]
    return mean(verdicts)


def _rows(runs: Runs, cases: list[str], trials: Iterable[int]) -> list[dict[str, object]]:
    return [{"eval_id": case, "trial": t, "passed": runs[case][t]} for t in trials for case in cases if t in runs[case]]


def _write(file: Path, rows: list[dict[str, object]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _z_blocks(x0: int, n0: int, x1: int, n1: int) -> bool:
    pooled = (x0 + x1) / (n0 + n1)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n0 + 1 / n1))
    return spread > 0 and (x1 / n1 - x0 / n0) / spread < NormalDist().inv_cdf(0.05)


def _lines(file: Path) -> Iterator[dict[str, object]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _row(name: str, cases: int, count: Counter[str]) -> str:
    return (
        f"{name[:33]:<34}{cases or '':>6}{count['pairs']:>6}"
        + "".join(f"{count[o]:>11}" for o in OUTCOMES)
        + f"{count['naive']:>14}  "
    )


if __name__ == "__main__":
    main()
