"""How well a judge is calibrated from few labels: coverage, error and width, beside the labels alone.

Each set has pairs of answers, people's (or a checker's) preference, and stored verdicts of judges. "Passes" means that the first
answer is the better one. From `n` labels, drawn at random, and the judge's verdicts on all pairs, the share that people pass is
estimated in two ways (corrected: Rogan and Gladen's; sampled: Tenenbein's), and compared with what it is. Beside it stand the
floors: the judge's own share with Wald's interval, and the labels alone with Wilson's.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from loopwright.errors import OK, UNDECIDED
from loopwright.judge.calibrate import Pair, calibrate
from loopwright.stats.agreement import Estimate
from loopwright.stats.intervals import wilson

SIZES = (25, 50, 100, 200)
SEED = 20260101


class Judged(NamedTuple):
    """One judge over one set: (judge's verdict or None, people's) by pair, and how often the two agree."""

    data: str
    judge: str
    rows: list[tuple[bool | None, bool]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=40, help="draws of labels for each judge, prompt and order")
    args = parser.parse_args()
    judges: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for judged in read_all(args.data):
        if len({human for _, human in judged.rows}) > 1 and len(judged.rows) >= 80:
            judges[judged.data, judged.judge].append(judged)
    print("Coverage (cov) of 95 % intervals in %, mean absolute error (err) in points, mean width (w) in points.")
    left, middle = f"{'set':<11}{'judge':<17}{'agree':>6}{'n':>5}", f"{'corrected: cov':>15}{'err':>6}{'w':>6}{'none %':>7}"
    right = f"{'as judged: cov':>15}{'err':>6} |{'labels alone: cov':>18}{'err':>6}{'w':>6} |{'usable %':>9}{'too few %':>10}"
    fair = f"{'sampled: cov':>13}{'err':>6}{'w':>6}"
    print(f"{left} |{middle} |{fair} |{right}")
    rng = np.random.default_rng(SEED)
    for (data, judge), sets in sorted(judges.items()):
        agree = np.mean([np.mean([j is h for j, h in s.rows if j is not None]) for s in sets])
        for n in SIZES:
            print(row(data, judge, float(agree), n, sets, args.draws, rng))


def row(data: str, judge: str, agree: float, n: int, sets: list[Judged], draws: int, rng: np.random.Generator) -> str:
    """One judge from `n` labels, over all its prompts and orders."""
    corrected: list[tuple[Estimate, float]] = []
    raw: list[tuple[Estimate, float]] = []
    alone: list[tuple[Estimate, float]] = []
    sampled: list[tuple[Estimate, float]] = []
    codes = []
    for judged in sets:
        kept = [(j, h) for j, h in judged.rows if j is not None]
        if n > len(kept) - 30:
            continue
        true = float(np.mean([h for _, h in kept]))
        share = float(np.mean([bool(j) for j, _ in kept]))
        half = 1.96 * math.sqrt(share * (1 - share) / len(kept))
        for _ in range(draws):
            chosen = set(rng.choice(len(kept), n, replace=False).tolist())
            found = calibrate(Pair(str(i), j, h if i in chosen else None) for i, (j, h) in enumerate(kept))
            passed = sum(kept[i][1] for i in chosen)
            corrected.append((found.pass_rate_corrected, true))
            sampled.append((found.pass_rate_sampled, true))
            raw.append((Estimate(share, share - half, share + half), true))
            alone.append((Estimate(passed / n, *wilson(passed, n)), true))
            codes.append(found.exit_code)
    if not codes:
        return f"{data:<11}{judge:<17}{100 * agree:6.1f}{n:5d} | not enough pairs"
    none = np.mean([e.value is None for e, _ in corrected])
    (c, ce, cw), (s, se, sw), (r, re, _), (a, ae, aw) = map(summary, (corrected, sampled, raw, alone))
    usable, few = (100 * float(np.mean([code == wanted for code in codes])) for wanted in (OK, UNDECIDED))
    return (
        f"{data:<11}{judge:<17}{100 * agree:6.1f}{n:5d} |{c:15.1f}{ce:6.1f}{cw:6.1f}{100 * none:7.1f} |"
        f"{s:13.1f}{se:6.1f}{sw:6.1f} |{r:15.1f}{re:6.1f} |"
        f"{a:18.1f}{ae:6.1f}{aw:6.1f} |{usable:9.1f}{few:10.1f}"
    )


def summary(found: list[tuple[Estimate, float]]) -> tuple[float, float, float]:
    """Coverage, mean absolute error and mean width in percent; the error where there is a value."""
    covered = np.mean([e.low <= true <= e.high for e, true in found])
    errors = [abs(e.value - true) for e, true in found if e.value is not None]
    return (
        100 * float(covered),
        100 * float(np.mean(errors or [np.nan])),
        100 * float(np.mean([e.high - e.low for e, _ in found])),
    )


def read_all(folder: Path) -> Iterator[Judged]:
    """Every judge of every set, each prompt and order by itself."""
    yield from read_llmbar(folder / "judge_llmbar" / "verdicts.csv.gz")
    yield from read_judgebench(folder / "judge_judgebench" / "verdicts.jsonl.gz")
    yield from read_pandalm(folder / "judge_pandalm" / "items.jsonl.gz")


def read_llmbar(path: Path) -> Iterator[Judged]:
    """LLMBar: a column for each order; empty is no verdict."""
    rows: dict[tuple[str, str, str], list[tuple[bool | None, bool]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for record in csv.DictReader(file):
            for order in ("verdict_order_1", "verdict_order_2"):
                said = None if not record[order] else record[order] == "1"
                rows[record["judge"], record["strategy"], order].append((said, record["label"] == "1"))
    for (judge, _, _), found in rows.items():
        yield Judged("llmbar", judge, found)


def read_judgebench(path: Path) -> Iterator[Judged]:
    """JudgeBench: a draw is not a preference for the first answer."""
    rows: dict[tuple[str, str], list[tuple[bool | None, bool]]] = defaultdict(list)
    for record in lines(path):
        for order in ("verdict_order_1", "verdict_order_2"):
            said = record.get(order)
            rows[str(record["judge_model"]), order].append((None if not said else said == "A>B", record["label"] == "A>B"))
    for (judge, _), found in rows.items():
        yield Judged("judgebench", judge.split("/")[-1][:16], found)


def read_pandalm(path: Path) -> Iterator[Judged]:
    """PandaLM: what most of three people say."""
    rows: dict[str, list[tuple[bool | None, bool]]] = defaultdict(list)
    for record in lines(path):
        votes = [record[f"annotator{i}"] for i in (1, 2, 3)]
        human = max(set(votes), key=votes.count) == 1
        for judge in ("gpt_result", "pandalm_result"):
            said = str(record[judge]).strip()
            rows[judge].append((said == "1" if said in ("0", "1", "2") else None, human))
    for judge, found in rows.items():
        yield Judged("pandalm", judge.removesuffix("_result"), found)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a gzipped file of JSON Lines."""
    with gzip.open(path, "rb") as file:
        for line in io.TextIOWrapper(file, encoding="utf-8"):
            yield json.loads(line)


if __name__ == "__main__":
    main()
