"""Watching, measured: shifts of inputs, change points of metrics, false alarms, each beside a floor or a peer in the same run.

    python bench/watch.py --data DIR [--rounds N]

Sets: intents (CLINC150), metrics_tcpd, metrics_nab, and simulated series of which the truth is known. Labels are
only compared with.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loopwright import wiring
from loopwright.settings import load
from loopwright.stats.change_points import Null, change_points
from loopwright.watch.drift import compare
from loopwright.watch.inputs import Input

MARGIN = 5
Find = Callable[[Any], list[int]]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    shifts(args.data / "intents", rng, args.rounds)
    steady(rng, 5 * args.rounds)
    annotated(args.data / "metrics_tcpd")
    windows(args.data / "metrics_nab")


def shifts(folder: Path, rng: np.random.Generator, rounds: int) -> None:
    """1,000 reference inputs and 300 current ones; of these a share of an intent that the reference lacks, or outside of all."""
    with gzip.open(folder / "data_full.json.gz") as file:
        data = json.load(file)
    texts = [text for text, _ in data["val"] + data["test"]]
    labels = np.array([label for _, label in data["val"] + data["test"]])
    strange = [text for text, _ in data["oos_test"]]
    embedder = wiring.embedder(load(), print)
    known, other = np.asarray(embedder.embed(texts)), np.asarray(embedder.embed(strange))
    print("Inputs: CLINC150, 1,000 reference and 300 current; floor: the distance of the two means, by permutation")
    print(f"{'kind':<14}{'share':>7}{'found':>8}{'floor':>8}{'effect':>8}{'novel: recall':>15}{'precision':>11}")
    for kind, share in (("no change", 0.0), ("new intent", 0.05), ("new intent", 0.1), ("new intent", 0.2),
                        ("out of scope", 0.1), ("out of scope", 0.2)):  # fmt: skip
        rows = [_one_shift(kind, share, (known, labels, other), rng) for _ in range(rounds)]
        found, floor, effect, hit, named, new = np.mean(rows, axis=0)
        recall = f"{hit / new:.2f}" if new else "-"
        print(f"{kind:<14}{share:>7.0%}{found:>8.2f}{floor:>8.2f}{effect:>8.3f}{recall:>15}{hit / max(named, 1e-9):>11.2f}")


def _one_shift(kind: str, share: float, sets: tuple[Any, Any, Any], rng: np.random.Generator) -> list[float]:
    known, labels, other = sets
    intent = rng.choice(np.unique(labels))
    old = rng.permutation(np.flatnonzero(labels != intent))
    count = round(300 * share)
    pool = known[labels == intent] if kind == "new intent" else other
    added = pool[rng.choice(len(pool), count, replace=count > len(pool))]
    before, after = known[old[:1000]], np.concatenate([known[old[1000 : 1300 - count]], added])
    step = compare([Input(embedding=row) for row in before], [Input(embedding=row) for row in after])
    try:
        next(step)
    except StopIteration as stop:
        shift = stop.value
    hit = sum(index >= 300 - count for index in shift.novel)
    return [shift.shifted, _means_differ(before, after, rng), shift.effect, hit, len(shift.novel), count]


def _means_differ(before: Any, after: Any, rng: np.random.Generator) -> float:
    both = np.concatenate([before, after])
    signs = np.concatenate([np.full(len(before), 1 / len(before)), np.full(len(after), -1 / len(after))])
    drawn = np.vstack([signs, rng.permuted(np.tile(signs, (199, 1)), axis=1)])
    apart = np.square(drawn @ both).sum(axis=1)
    return float(np.mean(apart >= apart[0]) <= 0.05)


def ours() -> Find:
    """Our change points, with one null for all series."""
    null = Null(np.random.default_rng(0))
    return lambda y: [change.index for change in change_points(y, null)]


def pelt(y: Any) -> list[int]:
    """The peer: least squares, exact search, the usual penalty of two parameters, on standardised values."""
    import ruptures

    scaled = (y - np.mean(y)) / (np.std(y) or 1.0)
    return list(ruptures.Pelt(model="l2").fit(scaled.reshape(-1, 1)).predict(pen=2 * np.log(len(y)))[:-1])


def steady(rng: np.random.Generator, rounds: int) -> None:
    """Series whose level never changes."""
    finders: dict[str, Find] = {"ours": ours(), "pelt": pelt}
    print(f"\nSteady series, {rounds} each: share in which any change is found (ours claims 0.05)")
    print(f"{'points':>7}{'autocorrelation':>17}{'noise':>9}" + "".join(f"{name:>8}" for name in finders))
    for points in (30, 60, 120, 400):
        for rho, noise in ((0.0, "normal"), (0.5, "normal"), (0.8, "normal"), (0.0, "t(3)")):
            series = [_autoregression(rng, points, rho, noise) for _ in range(rounds)]
            rates = [np.mean([bool(find(y)) for y in series]) for find in finders.values()]
            print(f"{points:>7}{rho:>17}{noise:>9}" + "".join(f"{rate:>8.3f}" for rate in rates))
    print("\nOne step of so many standard deviations, 100 points: share found within 5 points")
    for rho in (0.0, 0.5, 0.8):
        for size in (1.0, 2.0, 3.0):
            step = size / np.sqrt(1 - rho**2) * (np.arange(100) >= 60)
            series = [_autoregression(rng, 100, rho, "normal") + step for _ in range(rounds)]
            rates = [np.mean([any(abs(i - 60) <= MARGIN for i in find(y)) for y in series]) for find in finders.values()]
            print(
                f"  autocorrelation {rho}, size {size}: " + ", ".join(f"{n} {r:.2f}" for n, r in zip(finders, rates, strict=True))
            )


def _autoregression(rng: np.random.Generator, points: int, rho: float, noise: str) -> Any:
    shocks = rng.standard_normal(points + 50) if noise == "normal" else rng.standard_t(3, points + 50)
    y = np.zeros(points + 50)
    for t in range(1, points + 50):
        y[t] = rho * y[t - 1] + shocks[t]
    return y[50:]


def annotated(folder: Path) -> None:
    """TCPD: F1 with a margin of five and covering, against all annotators, as van den Burg and Williams (2020) define them."""
    marks = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    finders: dict[str, Find] = {"ours": ours(), "pelt": pelt, "none": lambda y: []}
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in finders}
    alarms: dict[str, int] = dict.fromkeys(finders, 0)
    print("\nTCPD: changes, F1 and covering, by series")
    for file in sorted((folder / "data").glob("*.json.gz")):
        with gzip.open(file) as opened:
            data = json.load(opened)
        raw = np.array([np.nan if v is None else v for v in data["series"][0]["raw"]], dtype=float)
        there = np.flatnonzero(np.isfinite(raw))
        people = list(marks[data["name"]].values())
        cells = []
        for name, find in finders.items():
            found = [int(there[i]) for i in find(raw[there])]
            scores[name].append((_f1(people, found), _covering(people, found, len(raw))))
            alarms[name] += bool(found) and not any(people)
            cells.append(f"{name} {len(found)} {scores[name][-1][0]:.2f} {scores[name][-1][1]:.2f}")
        print(f"  {data['name']:<22}" + "   ".join(cells))
    unmarked = sum(not any(people.values()) for people in marks.values())
    for name, rows in scores.items():
        f1, covering = np.mean(rows, axis=0)
        print(f"{name:<6} F1 {f1:.3f}  covering {covering:.3f}  false alarms on {alarms[name]} of {unmarked} unmarked series")


def _f1(people: Sequence[Sequence[int]], found: Sequence[int]) -> float:
    given = {0, *found}
    sets = [{0, *marks} for marks in people]
    precision = len(_matched(set().union(*sets), given)) / len(given)
    recall = float(np.mean([len(_matched(marks, given)) / len(marks) for marks in sets]))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _matched(marks: set[int], found: set[int]) -> set[int]:
    left, matched = set(found), set()
    for mark in sorted(marks):
        near = [(abs(mark - place), place) for place in left if abs(mark - place) <= MARGIN]
        if near:
            matched.add(mark)
            left.discard(min(near)[1])
    return matched


def _covering(people: Sequence[Sequence[int]], found: Sequence[int], points: int) -> float:
    parts = _parts(found, points)
    covered = [
        sum(len(part) * max(len(part & other) / len(part | other) for other in parts) for part in _parts(marks, points)) / points
        for marks in people
    ]
    return float(np.mean(covered))


def _parts(places: Sequence[int], points: int) -> list[set[int]]:
    borders = [0, *sorted(set(places)), points]
    return [set(range(a, b)) for a, b in itertools.pairwise(borders) if a < b]


def windows(folder: Path) -> None:
    """NAB: anomaly windows in which a change begins, and changes outside of any, by 1,000 points; hourly means, as of metrics."""
    known = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    finders: dict[str, Find] = {"ours": ours(), "pelt": pelt}
    print("\nNAB, every twelfth mean: windows hit, and changes outside (an anomaly need be no change of level)")
    counts = {name: [0, 0, 0, 0] for name in finders}
    for file in sorted((folder / "data").rglob("*.csv.gz")):
        with gzip.open(file, "rt") as opened:
            rows = [line.strip().split(",") for line in opened][1:]
        times, values = [row[0] for row in rows], np.array([float(row[1]) for row in rows])
        size = len(values) // 12
        means = values[: size * 12].reshape(size, 12).mean(axis=1)
        key = next(name for name in known if name.endswith(file.name.removesuffix(".gz")))
        spans = [(start[:19], end[:19]) for start, end in known[key]]
        for name, find in finders.items():
            places = [times[12 * i] for i in find(means)]
            outside = [t for t in places if not any(start <= t <= end for start, end in spans)]
            hit = sum(any(start <= t <= end for t in places) for start, end in spans)
            counts[name] = [a + b for a, b in zip(counts[name], [hit, len(spans), len(outside), size], strict=True)]
    for name, (hit, all_, outside, points) in counts.items():
        print(f"{name:<6} {hit} of {all_} windows, {1000 * outside / points:.1f} changes outside by 1,000 points")


if __name__ == "__main__":
    main()
