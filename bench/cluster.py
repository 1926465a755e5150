"""How well failures are put into modes: on labelled requests and labelled errors, beside the source's DBSCAN and HDBSCAN.

    python bench/cluster.py --data DIR [--only all1k,domains,...]

Requests are those of CLINC150 (DIR/intents), drawn as production failures fall: classes by Zipf's law, and a quarter one-offs.
They go through the same functions as `loopwright cluster`. Figures are medians over seeds. ARI counts each one-off as a group of
its own; V is the V-measure over rows that have a class; found is the share of the 20 largest classes that one mode matches with
a Jaccard index of at least 0.5. Labels are read for the figures alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score, v_measure_score

from loopwright import settings, wiring
from loopwright.cluster.options import Options
from loopwright.ports import Embedder
from loopwright.workflows.clustering import cluster, failure_of

Labels = NDArray[np.int64]
NONE = ""


class Sample(NamedTuple):
    """Rows as `loopwright cluster` reads them, and the class of each (`NONE` for a one-off)."""

    rows: list[dict[str, Any]]
    classes: NDArray[np.str_]


class Score(NamedTuple):
    """One clustering against its labels."""

    ari: float
    v: float
    noise: float
    noise_precision: float
    noise_recall: float
    found: float
    modes: float
    granularity: float
    seconds: float


# --- data


def requests(data: Path) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """All requests of CLINC150 and their classes; out-of-scope ones have none."""
    with gzip.open(data / "intents" / "data_full.json.gz", "rt", encoding="utf-8") as file:
        rows = [row for part in json.load(file).values() for row in part]
    return np.array([r[0] for r in rows]), np.array([NONE if r[1] == "oos" else r[1] for r in rows])


def domains(data: Path) -> dict[str, list[str]]:
    """The classes of each domain."""
    found: dict[str, list[str]] = json.loads((data / "intents" / "domains.json").read_text(encoding="utf-8"))
    return found


def zipf(classes: NDArray[np.str_], n: int, seed: int, one_offs: float = 0.25) -> NDArray[np.int64]:
    """`n` rows: classes by Zipf's law in a random order, each at most as often as it has rows, and a share of one-offs."""
    rng = np.random.default_rng(seed)
    names = np.unique(classes[classes != NONE])
    rng.shuffle(names)
    wanted = int(n * (1 - one_offs))
    pools = {name: rng.permutation(np.flatnonzero(classes == name)) for name in names}
    sizes = np.array([len(pools[name]) for name in names])
    taken = np.zeros(len(names), np.int64)
    while (left := wanted - taken.sum()) > 0 and (taken < sizes).any():
        share = np.where(taken < sizes, 1.0 / np.arange(1, len(names) + 1), 0.0)
        taken = np.minimum(sizes, taken + rng.multinomial(left, share / share.sum()))
    chosen = [pools[name][:k] for name, k in zip(names, taken, strict=True) if k]
    alone = rng.permutation(np.flatnonzero(classes == NONE))[: n - wanted]
    return rng.permutation(np.concatenate([*chosen, alone]))


def prose(texts: NDArray[np.str_], classes: NDArray[np.str_], index: NDArray[np.int64]) -> Sample:
    """Requests as failures."""
    rows = [{"trace_id": f"t{i}", "input_payload": {"input": str(texts[j])}} for i, j in enumerate(index)]
    return Sample(rows, classes[index])


def errors(data: Path, seed: int, n: int = 1500) -> Sample:
    """Failed function calls with the checker's message, its label's words taken out of the message."""
    with gzip.open(data / "bfcl" / "failures.jsonl.gz", "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    chosen = np.random.default_rng(seed).permutation(len(found))[:n]
    rows, classes = [], []
    for i in chosen:
        label = found[i]["error_type"]
        words = {w for w in re.split(r"[^a-z]+", label.lower()) if len(w) > 3}
        reason = " ".join(w for w in json.dumps(found[i]["error"]).split() if not any(word in w.lower() for word in words))
        payload = {"input": str(found[i].get("model_result_raw", ""))}
        rows.append({"trace_id": f"t{i}", "signal_type": "hard_error", "failure_reason": reason, "input_payload": payload})
        classes.append(label)
    return Sample(rows, np.array(classes))


# --- methods

Method = Callable[[Sample, Embedder], tuple[Labels, float]]


def ours(options: Options) -> Method:
    """Through the workflow that the command runs."""

    def run(sample: Sample, embedder: Embedder) -> tuple[Labels, float]:
        done = asyncio.run(cluster([failure_of(row) for row in sample.rows], embedder, options))
        number = {mode.mode_id: index for index, mode in enumerate(done.modes)}
        labels = np.array([-1 if m.mode_id is None else number[m.mode_id] for m in done.memberships])
        return labels, done.granularity or 0.0

    return run


def hdbscan(sample: Sample, embedder: Embedder) -> tuple[Labels, float]:
    """What the closest rivals use, on centred vectors of the same text."""
    texts = [f"{r['input_payload']['input']} {r.get('failure_reason', '')}".strip() for r in sample.rows]
    x = np.asarray(embedder.embed(texts))
    x = x - x.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return HDBSCAN(min_cluster_size=5, min_samples=3, copy=True).fit_predict(x), 0.0


METHODS: dict[str, Method] = {
    "ours": ours(Options()),
    "ours, z=4": ours(Options(granularity=4.0)),
    "HDBSCAN": hdbscan,
    "DBSCAN 0.3": ours(Options(method="dbscan")),
}


class Watched:
    """An embedder that remembers how long it took."""

    def __init__(self, inner: Embedder) -> None:
        self.inner = inner
        self.name = inner.name
        self.seconds = 0.0

    def embed(self, texts: Sequence[str]) -> Any:
        """What the inner embedder answers."""
        began = time.perf_counter()
        vectors = self.inner.embed(texts)
        self.seconds += time.perf_counter() - began
        return vectors


# --- figures


def score(classes: NDArray[np.str_], labels: Labels, granularity: float, seconds: float, min_size: int = 3) -> Score:
    """Compare; a class with fewer than `min_size` rows here is one-offs."""
    _, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
    truth = np.where((classes == NONE) | (counts[inverse] < min_size), -1, inverse)
    alone, called = truth < 0, labels < 0
    return Score(
        ari=adjusted_rand_score(_singles(truth), _singles(labels)),
        v=v_measure_score(truth[~alone], labels[~alone]),
        noise=called.mean(),
        noise_precision=(alone & called).sum() / max(called.sum(), 1),
        noise_recall=(alone & called).sum() / max(alone.sum(), 1),
        found=_found(truth, labels),
        modes=len(np.unique(labels[~called])),
        granularity=granularity,
        seconds=seconds,
    )


def _singles(labels: Labels) -> Labels:
    made = labels.copy()
    made[made < 0] = made.max(initial=0) + 1 + np.arange((made < 0).sum())
    return made


def _found(truth: Labels, labels: Labels) -> float:
    names, counts = np.unique(truth[truth >= 0], return_counts=True)
    largest = names[np.argsort(-counts, kind="stable")[:20]]
    groups = [labels == g for g in np.unique(labels[labels >= 0])]
    best = [max(((truth == c) & g).sum() / ((truth == c) | g).sum() for g in groups) if groups else 0.0 for c in largest]
    return float(np.mean(np.array(best) >= 0.5))


def measure(samples: Sequence[Sample], embedder: Embedder, method: Method) -> Score:
    """Medians over samples. Seconds are those of the grouping, without the embedding."""
    rows = []
    for sample in samples:
        watched = Watched(embedder)
        began = time.perf_counter()
        labels, granularity = method(sample, watched)
        rows.append(score(sample.classes, labels, granularity, time.perf_counter() - began - watched.seconds))
    return Score(*np.median(np.array(rows), axis=0))


# --- the table


def tasks(data: Path) -> Iterator[tuple[str, list[Sample]]]:
    """Everything that is measured, by name."""
    texts, classes = requests(data)
    for n in (1000, 4000):
        yield f"all{n // 1000}k", [prose(texts, classes, zipf(classes, n, seed)) for seed in range(3)]
    for name, of in domains(data).items():
        inside = np.flatnonzero(np.isin(classes, of) | (classes == NONE))
        yield f"domain {name}", [prose(texts, classes, inside[zipf(classes[inside], 800, seed)]) for seed in range(3)]
    for first, second in (("banking", "credit_cards"), ("travel", "auto_and_commute"), ("small_talk", "meta"), ("work", "home")):
        both = domains(data)[first] + domains(data)[second]
        inside = np.flatnonzero(np.isin(classes, both) | (classes == NONE))
        yield f"pair {first}+{second}", [prose(texts, classes, inside[zipf(classes[inside], 1200, s)]) for s in range(3)]
    yield "errors bfcl", [errors(data, seed) for seed in range(3)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", default="", help="beginnings of task names, comma-separated")
    parser.add_argument("--embedders", default="minilm,static")
    parser.add_argument("--methods", default=",".join(METHODS), help="names of methods, separated by /", type=str)
    args = parser.parse_args()
    wanted = tuple(args.only.split(",")) if args.only else ("",)
    methods = [m for m in METHODS if m in args.methods.replace("/", ",")]
    print(f"{'task':<32}{'embedder':<9}{'method':<12}  ARI    V  noise    P    R  top20  modes     z      s")
    means: dict[tuple[str, str, str], list[Score]] = {}
    for name, samples in tasks(args.data):
        if not name.startswith(wanted):
            continue
        for kind in args.embedders.split(","):
            embedder = wiring.embedder(settings.load({"cluster.embedder": kind}, environ={}), print)
            for method in methods:
                row = measure(samples, embedder, METHODS[method])
                means.setdefault((name.split(" ")[0], kind, method), []).append(row)
                print(f"{name:<32}{kind:<9}{method:<12}{_line(row)}", flush=True)
    for (group, kind, method), rows in means.items():
        if len(rows) > 1:
            print(f"{'mean of ' + group + 's':<32}{kind:<9}{method:<12}{_line(Score(*np.mean(np.array(rows), axis=0)))}")


def _line(row: Score) -> str:
    shares = f"{row.ari:5.2f}{row.v:5.2f}  {row.noise:5.2f}{row.noise_precision:5.2f}{row.noise_recall:5.2f}  {row.found:5.2f}"
    return f"{shares}  {row.modes:5.0f}  {row.granularity:4.2f}  {row.seconds:5.1f}"


if __name__ == "__main__":
    main()
