"""How well redaction tells what must go from what only looks like it, and what it costs, beside eleven naive expressions.

    python bench/redaction.py --data DIR

Precision and recall, by kind, on the test set of the tests. Microseconds for 1.7 KB of text, for text in which nothing is
found, for the bytes of spans, and for the conversations of DIR/tau_bench. Then how often each kind is found in conversations of
DIR, with examples where `--show` asks for them: that is where a person sees false alarms.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from loopwright.collect.redaction.redactor import Redactor
from loopwright.collect.redaction.rules import PERSONAL, SECRETS, RedactionRules

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from otlp_load import trace
from redaction_samples import samples

KEY = b"a key of the benchmark"
SPAN = 1700
NAIVE = tuple(
    re.compile(pattern)
    for pattern in (
        r"sk-[A-Za-z0-9_-]{16,}", r"AKIA[0-9A-Z]{16}", r"gh[pousr]_[A-Za-z0-9]{20,}", r"xox[baprs]-[A-Za-z0-9-]{10,}",
        r"eyJ[\w-]+\.[\w-]+\.[\w-]+", r"-----BEGIN [A-Z ]+PRIVATE KEY-----[^-]*", r"[\w.+-]+@[\w-]+\.[\w.]+",
        r"\+?\d[\d ().-]{7,}\d", r"\b(?:\d[ -]?){13,19}\b", r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b", r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    )
)  # fmt: skip
NAIVE_SECRETS = NAIVE[:6]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of data sets")
    parser.add_argument("--show", type=int, default=0, help="print so many places of each kind and data set")
    given = parser.parse_args()
    quality()
    print()
    cost(_conversations(given.data / "tau_bench") if given.data else [])
    for folder in sorted(path for path in given.data.iterdir() if path.is_dir()) if given.data else ():
        alarms(folder, given.show)


def quality() -> None:
    """Print precision and recall by kind; the naive expressions know no kinds, and are counted by the pieces that they take."""
    found, planted, right = Counter[str](), Counter[str](), Counter[str]()
    redactor = Redactor(RedactionRules(personal=frozenset(PERSONAL), key=KEY))
    mark = re.compile(rf"<({'|'.join(SECRETS + PERSONAL)}):[g-z]{{10}}>")
    naive = Counter[str]()
    texts = samples()
    for sample in texts:
        clean = redactor.text(sample.text)
        kinds = Counter(mark.findall(clean))
        wanted = Counter({kind: 1 for _, kind in sample.hits if kind == "pem"}) + Counter(
            kind for hit, kind in set(sample.hits) if kind != "pem" for _ in range(sample.text.count(hit))
        )
        missed = Counter(kind for hit, kind in set(sample.hits) if hit in clean)
        found += kinds
        planted += wanted
        right += (kinds & wanted) - missed
        taken = _naive(sample.text, NAIVE)
        naive["taken"] += sum(hit not in taken for hit, _ in set(sample.hits))
        naive["planted"] += len(set(sample.hits))
        naive["alarms"] += not sample.hits and taken != sample.text
        naive["ours"] += not sample.hits and clean != sample.text
        naive["clean"] += not sample.hits
    print(f"{len(texts)} texts\n{'kind':<12}{'planted':>9}{'found':>9}{'recall':>9}{'precision':>11}")
    for kind in (*SECRETS, *PERSONAL):
        recall, precision = right[kind] / planted[kind], right[kind] / max(1, found[kind])
        print(f"{kind:<12}{planted[kind]:>9}{found[kind]:>9}{recall:>9.3f}{precision:>11.3f}")
    recall, alarms = naive["taken"] / naive["planted"], naive["alarms"] / naive["clean"]
    print(f"naive: recall {recall:.3f}, changes {alarms:.3f} of the texts with nothing to take")


def cost(conversations: Sequence[str]) -> None:
    """Print microseconds for 1.7 KB: text by text, and the hint over the bytes of spans."""
    rows: list[tuple[str, Callable[[str], Any], Callable[[str], Any]]] = []
    for name, personal in (("secrets", frozenset[str]()), ("all", frozenset(PERSONAL))):
        redactor = Redactor(RedactionRules(personal=personal, key=KEY))
        patterns = NAIVE if personal else NAIVE_SECRETS
        rows.append((name, redactor.text, lambda text, patterns=patterns: _naive(text, patterns)))
    rng = random.Random(7)
    spans = [span for number in range(20) for span in trace(rng, number, 1_764_000_000_000_000_000)]
    raw = [span.SerializeToString() for span in spans]
    texts = [value for span in spans for value in _texts(span)]
    print(f"{'us for 1.7 KB':<32}{'ours':>9}{'naive':>9}")
    for name, ours, naive in rows:
        for what, given in (("text of spans", texts), ("conversations", conversations)):
            if given:
                print(f"{f'{what}, {name}':<32}{_microseconds(ours, given):>9.1f}{_microseconds(naive, given):>9.1f}")
    for name, personal in (("secrets", frozenset[str]()), ("all", frozenset(PERSONAL))):
        redactor = Redactor(RedactionRules(personal=personal, key=KEY))
        flagged = sum(map(redactor.may_hold, raw)) / len(raw)
        print(
            f"{f'hint over spans, {name}':<32}{_microseconds(redactor.may_hold, raw):>9.1f}{'':>9}  says perhaps of {flagged:.1%}"
        )


def alarms(folder: Path, show: int) -> None:
    """Print how often each kind is found in a data set."""
    redactor = Redactor(RedactionRules(personal=frozenset(PERSONAL)))
    pieces = re.compile(rf"<(?:{'|'.join(SECRETS + PERSONAL)})>")
    shown: Counter[str] = Counter()
    size = 0
    for text in _conversations(folder):
        size += len(text)
        before = redactor.counts.copy()
        clean = redactor.text(text)
        for kind in redactor.counts - before:
            if shown[kind] < show and len(pieces.findall(clean)) < 20:
                shown[kind] += 1
                around = re.search(rf".{{0,40}}<{kind}>.{{0,20}}", clean, re.DOTALL)
                print(f"    {kind}: {around[0] if around else ''!r}")
    if size:
        print(
            f"{folder.name:<24}{size / 1e6:>7.1f} MB  "
            + ", ".join(f"{kind} {count}" for kind, count in redactor.counts.most_common())
        )


def _naive(text: str, patterns: Sequence[re.Pattern[str]]) -> str:
    for pattern in patterns:
        text = pattern.sub("X", text)
    return text


def _microseconds(function: Callable[[Any], Any], given: Sequence[Any]) -> float:
    """Processor time for 1.7 KB, the best of seven."""
    best = float("inf")
    for _ in range(7):
        began = time.process_time()
        for item in given:
            function(item)
        best = min(best, time.process_time() - began)
    return best * 1e6 / (sum(map(len, given)) / SPAN)


def _texts(span: Any) -> Iterator[str]:
    yield span.name
    for pair in span.attributes:
        yield pair.key
        if pair.value.string_value:
            yield pair.value.string_value


def _conversations(folder: Path) -> list[str]:
    """Every text of the JSON in a folder, up to 20 MB."""
    found: list[str] = []
    size = 0
    for file in sorted(folder.rglob("*.json*")):
        read = gzip.open if file.suffix == ".gz" else open
        with read(file, "rt", encoding="utf-8", errors="replace") as lines:
            content = lines.read()
        for part in content.splitlines() if ".jsonl" in file.name else [content]:
            try:
                record = json.loads(part)
            except ValueError:
                continue
            for text in _strings(record):
                found.append(text)
                size += len(text)
        if size > 20_000_000:
            break
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


if __name__ == "__main__":
    main()
