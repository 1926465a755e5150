"""Does the score of `mine` find failures? On public data with labels that mining never reads.

    python bench/mine.py --data DIR [--half develop|report|all]

Task failure (score against the label): tau_bench, tau2_variants, agentdojo_like_runs, mast ag2_math. User dissatisfaction (mean
rating below 2.5): user_satisfaction, per turn and per dialogue. Beside it, the floors: the length of the conversation (for a
turn, its place) and the number of tool errors; chance is 0.5. Intervals are 95 %: DeLong's for AUC where each task counts once,
else a bootstrap over tasks.

The detectors were developed on one half of the tasks (by a hash of the task's id); `report`, the default, is the other half.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from loopwright.collect.conversation import read_messages
from loopwright.collect.record import read_tau_bench
from loopwright.collect.trace import Trace
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.policy import combined_severity
from loopwright.mine.rank import mine
from loopwright.mine.signal import FailureTrace

BOOTSTRAPS = 1000


class Case(NamedTuple):
    """A trace, whether it failed (or, by message index, whether the user was dissatisfied), and the task that it belongs to."""

    trace: Trace
    failed: bool
    task: str
    turns: Mapping[int, bool] = MappingProxyType({})


class Area(NamedTuple):
    """An AUC with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=("develop", "report", "all"), default="report")
    parser.add_argument("--detectors", action="store_true", help="print each detector's own AUC and firing rate")
    asked = parser.parse_args()
    print(f"task failure, {asked.half} half\n")
    print(f"{'data':22} {'traces':>6} {'failed':>7}  {'score':22} {'length':>7} {'tool errors':>12} {'traces/s':>9}")
    for name, load in TASKS.items():
        report_tasks(name, chosen(list(load(asked.data)), asked.half), asked.detectors)
    print(f"\nuser dissatisfaction, {asked.half} half\n")
    print(f"{'data':22} {'unit':9} {'rows':>6} {'base':>6}  {'AUC':22} {'AP':>6} {'length AUC':>11}")
    for name in ("SGD", "CCPE"):
        report_satisfaction(name, chosen(list(satisfaction(asked.data, name)), asked.half), asked.detectors)


def report_tasks(name: str, cases: list[Case], by_detector: bool) -> None:
    """One row: the AUC of the score, of length and of the number of tool errors."""
    start = time.process_time()
    found = {f.trace_id: f for f in mine([c.trace for c in cases], SHIPPED).failures}
    rate = len(cases) / (time.process_time() - start)
    failed = np.array([c.failed for c in cases])
    tasks = [c.task for c in cases]
    scores = [score_of(found.get(c.trace.trace_id)) for c in cases]
    length = [float(len(c.trace.messages)) for c in cases]
    errors = [count_of(found.get(c.trace.trace_id), "tool_error") for c in cases]
    row = f"{name:22} {len(cases):6} {failed.mean():7.1%}  {area(scores, failed, tasks)!s:22}"
    print(f"{row} {auc(length, failed):7.3f} {auc(errors, failed):12.3f} {rate:9.0f}")
    if by_detector:
        for detector in SHIPPED:
            own = np.array([only(found.get(c.trace.trace_id), detector.name) for c in cases])
            if own.any():
                hit = f"{np.mean(own > 0):6.1%} of traces, of which failed {failed[own > 0].mean():6.1%}"
                print(f"    {detector.name:20} AUC {auc(own, failed):.3f}  {hit}")


def report_satisfaction(name: str, cases: list[Case], by_detector: bool) -> None:
    """Two rows: per turn, by the signals that point at it, and per dialogue, by its score."""
    found = {f.trace_id: f for f in mine([c.trace for c in cases], SHIPPED).failures}
    turns = [(c, i, bad) for c in cases for i, bad in c.turns.items()]
    scores = np.array([at_turn(found.get(c.trace.trace_id), i) for c, i, _ in turns])
    bad = np.array([bad for _, _, bad in turns])
    early = [float(i) for _, i, _ in turns]
    row = f"{name:22} {'turn':9} {len(turns):6} {bad.mean():6.1%}  {area(scores, bad, [c.task for c, _, _ in turns])!s:22}"
    print(f"{row} {precision(scores, bad):6.3f} {auc(early, bad):11.3f}")
    whole = np.array([score_of(found.get(c.trace.trace_id)) for c in cases])
    failed = np.array([c.failed for c in cases])
    length = [float(len(c.trace.messages)) for c in cases]
    row = f"{name:22} {'dialogue':9} {len(cases):6} {failed.mean():6.1%}  {area(whole, failed, [c.task for c in cases])!s:22}"
    print(f"{row} {precision(whole, failed):6.3f} {auc(length, failed):11.3f}")
    if by_detector:
        for detector in SHIPPED:
            own = np.array([at_turn(found.get(c.trace.trace_id), i, detector.name) for c, i, _ in turns])
            if own.any():
                hit = f"{np.mean(own > 0):6.2%} of turns, of which bad {bad[own > 0].mean():6.1%}"
                print(f"    {detector.name:20} AUC {auc(own, bad):.3f}  {hit}")


def score_of(failure: FailureTrace | None) -> float:
    """The score; 0 where nothing was found."""
    return 0.0 if failure is None else failure.score


def count_of(failure: FailureTrace | None, detector: str) -> float:
    """How many signals one detector gave."""
    return 0.0 if failure is None else float(sum(s.detector == detector for s in failure.signals))


def only(failure: FailureTrace | None, detector: str) -> float:
    """One detector's signals, combined."""
    return 0.0 if failure is None else combined_severity(s for s in failure.signals if s.detector == detector)


def at_turn(failure: FailureTrace | None, index: int, detector: str | None = None) -> float:
    """The signals that point at one message, combined."""
    if failure is None:
        return 0.0
    return combined_severity(s for s in failure.signals if s.where.message_index == index and detector in (None, s.detector))


def auc(scores: Any, bad: np.ndarray[Any, Any]) -> float:
    """The chance that a bad row scores above a good one, ties counted half."""
    ranks = rankdata(scores)
    pos, neg = int(bad.sum()), int((~bad).sum())
    return float((ranks[bad].sum() - pos * (pos + 1) / 2) / (pos * neg)) if pos and neg else float("nan")


def area(scores: Any, bad: np.ndarray[Any, Any], tasks: list[str]) -> Area:
    """AUC with DeLong's interval, or a bootstrap over tasks where tasks repeat.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988).
    """
    scores = np.asarray(scores, dtype=float)
    value = auc(scores, bad)
    rows = defaultdict(list)
    for at, task in enumerate(tasks):
        rows[task].append(at)
    if len(rows) == len(tasks):
        half = 1.96 * np.sqrt(_delong_variance(scores, bad))
        return Area(value, max(0.0, value - half), min(1.0, value + half))
    rng = np.random.default_rng(0)
    groups = [np.array(at) for at in rows.values()]
    draws = []
    for _ in range(BOOTSTRAPS):
        pick = np.concatenate([groups[g] for g in rng.integers(len(groups), size=len(groups))])
        draws.append(auc(scores[pick], bad[pick]))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Area(value, float(low), float(high))


def _delong_variance(scores: np.ndarray[Any, Any], bad: np.ndarray[Any, Any]) -> float:
    every, pos, neg = rankdata(scores), rankdata(scores[bad]), rankdata(scores[~bad])
    n, m = len(pos), len(neg)
    above = (every[bad] - pos) / m
    below = 1 - (every[~bad] - neg) / n
    return float(np.var(above, ddof=1) / n + np.var(below, ddof=1) / m)


def precision(scores: Any, bad: np.ndarray[Any, Any]) -> float:
    """Average precision; rows that tie enter together."""
    scores = np.asarray(scores, dtype=float)
    total, hits, seen, summed = bad.sum(), 0, 0, 0.0
    for value in np.unique(scores)[::-1]:
        tied = scores == value
        new = int(bad[tied].sum())
        hits, seen = hits + new, seen + int(tied.sum())
        summed += new * hits / seen
    return float(summed / total) if total else float("nan")


def chosen(cases: list[Case], half: str) -> list[Case]:
    """The cases of one half of the tasks."""
    if half == "all":
        return cases
    develop = [c for c in cases if hashlib.sha256(c.task.encode()).digest()[0] % 2 == 0]
    return develop if half == "develop" else [c for c in cases if hashlib.sha256(c.task.encode()).digest()[0] % 2]


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a compressed JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def tau_bench(data: Path) -> Iterator[Case]:
    """GPT-4o on airline tasks; failed is reward 0."""
    for r in records(data / "tau_bench" / "gpt-4o-airline.jsonl.gz"):
        yield Case(read_tau_bench(r), r["reward"] < 1, str(r["task_id"]))


def tau2(data: Path) -> Iterator[Case]:
    """Gemini agents on airline tasks; failed is reward 0."""
    for path in sorted((data / "tau2_variants").glob("*.json.gz")):
        for s in json.loads(gzip.decompress(path.read_bytes()))["simulations"]:
            rows = [{**m, "tool_call_id": m.get("id")} if m["role"] == "tool" else m for m in s["messages"]]
            for row in rows:
                row.pop("name", None)
            failed = (s["reward_info"] or {}).get("reward", 0) < 1
            yield Case(conversation(f"{path.name}-{s['id']}", rows), failed, str(s["task_id"]))


def agentdojo(data: Path) -> Iterator[Case]:
    """One agent in six service domains; failed is not utility."""
    for r in records(data / "agentdojo_like_runs" / "runs.jsonl.gz"):
        rows = []
        for m in r["messages"]:
            text = "\n".join(part["content"] for part in m["content"] or ())
            calls = [{"id": c["id"], "name": c["function"], "arguments": c["args"]} for c in m.get("tool_calls") or ()]
            error = m.get("error") if m["role"] == "tool" else None
            content = f"Error: {error}" if error and not text else text
            row = {"role": m["role"], "content": content, "tool_calls": calls}
            rows.append({**row, "tool_call_id": m["tool_call_id"]} if m["role"] == "tool" else row)
        yield Case(conversation(r["run_id"], rows), not r["evaluation"]["utility"], r["task_id"] + r["domain"])


def mast(data: Path) -> Iterator[Case]:
    """Multi-agent mathematics; failed is not correct."""
    folder = data / "mast" / "ag2_math"
    with gzip.open(folder / "outcomes.csv.gz", "rt") as table:
        correct = {(r["prompt"], r["topology"], r["seed"], r["instance_id"]): r["correct"] == "1" for r in csv.DictReader(table)}
    for path in sorted(folder.glob("trajs_*")):
        _, _, prompt, _, topology, _, seed = path.name.split(".")[0].split("_")
        for r in records(path):
            key = (prompt, topology, seed, r["instance_id"])
            if key in correct:
                rows = [{"role": m["role"], "name": m["name"], "content": "\n".join(m["content"])} for m in r["trajectory"]]
                yield Case(conversation("|".join(key), rows), not correct[key], r["instance_id"])


def satisfaction(data: Path, name: str) -> Iterator[Case]:
    """Dialogues whose user turns people rated; a turn is bad where the mean rating is below 2.5, a dialogue where any turn is."""
    with gzip.open(data / "user_satisfaction" / f"{name}.txt.gz", "rt", encoding="utf-8") as lines:
        dialogues = lines.read().strip().split("\n\n")
    for at, dialogue in enumerate(dialogues):
        rows: list[dict[str, Any]] = []
        turns: dict[int, bool] = {}
        for line in dialogue.strip().split("\n"):
            role, text, _, *rest = [*line.split("\t"), ""]
            if text == "OVERALL":
                continue
            ratings = [int(x) for x in rest[0].split(",")] if rest and rest[0] else []
            if role == "USER" and ratings:
                turns[len(rows)] = sum(ratings) / len(ratings) < 2.5
            rows.append({"role": "user" if role == "USER" else "assistant", "content": text})
        yield Case(conversation(f"{name}-{at}", rows), any(turns.values()), f"{name}-{at}", turns)


def conversation(id: str, rows: list[dict[str, Any]]) -> Trace:
    """Chat messages as a trace."""
    return Trace(id, read_messages(rows))


TASKS: dict[str, Callable[[Path], Iterator[Case]]] = {
    "tau_bench": tau_bench,
    "tau2_variants": tau2,
    "agentdojo_like_runs": agentdojo,
    "mast ag2_math": mast,
}

if __name__ == "__main__":
    main()
