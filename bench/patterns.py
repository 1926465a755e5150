"""Do the six pattern detectors find what is there, and only that? On real conversations, with patterns planted and without.

    python bench/patterns.py --data DIR [--seed N] [--findings]

Planted, one pattern at a time, into 5, 10, 20 and 40 % of the 200 tau_bench conversations: a call repeated, a tool renamed, a
result dropped, an instruction broken late, a permission error, a retry storm, and an earlier answer contradicted. Each is planted
in several forms, some of which are worded so that no reading of words can find them. A trace counts as found where the pattern's
own detector has a finding of confidence 0.5 or more. `precision` counts every other trace that is found as false, `of new` leaves
out those that are found in the untouched conversations too: what stands there is listed by `--findings`, to be read by a person.
A dropped result is the matter of `check_consistency`: the answer that follows stands on something the conversation does not hold.

Beside each, a floor: what a line of code would do. Then the time that each guard takes, and how often each detector speaks in
other untouched sets.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopwright.collect.record import read_tau_bench
from loopwright.collect.trace import Trace
from loopwright.guards.catalogue import GUARDS, build
from loopwright.improve.patterns.batch import observe
from loopwright.improve.patterns.detect import PATTERNS, find_patterns, propose
from loopwright.improve.patterns.finding import SURE, PatternFinding
from loopwright.improve.proposal import ProposalKind
from mine import TASKS, records
from planting import PLANTS, Row, planted_into

RATES = (0.05, 0.10, 0.20, 0.40)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", action="store_true", help="list what is found in untouched conversations, and nothing else")
    asked = parser.parse_args()
    if asked.findings:
        listed(asked.data)
        return
    raw = list(records(asked.data / "tau_bench" / "gpt-4o-airline.jsonl.gz"))
    traces = [read_tau_bench(r) for r in raw]
    start = time.process_time()
    untouched = find_patterns(traces).findings
    print(f"untouched: {len(traces)} traces, {len(traces) / (time.process_time() - start):.0f} traces/s")
    print(f"  {counted(untouched)}\n  proposals: {[p.kind.value for p in propose(traces, untouched)]}\n")
    planting(raw, untouched, asked.seed)
    print("\nmicroseconds per event, each guard over the events of all traces")
    for name, (mean, worst) in speeds(traces).items():
        print(f"  {name:22} mean {mean:7.1f}   99 % within {worst:8.1f}")
    print("\nother untouched sets (traces with findings, of all)")
    for name, load in TASKS.items():
        if name != "tau_bench":
            batch = [case.trace for case in load(asked.data)]
            print(f"  {name:22} {len(batch):5} traces   {counted(find_patterns(batch).findings)}")


def planting(raw: list[Row], untouched: Sequence[PatternFinding], seed: int) -> None:
    """A row for each pattern and rate: what was planted, found, and what the floor finds."""
    head = f"{'planted':24} {'detector':20} {'rate':>5} {'planted':>7} {'recall':>7} {'precision':>9} {'of new':>7}"
    print(f"{head}   {'floor recall':>12} {'precision':>9}")
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for name, (plant, kind, floor) in PLANTS.items():
        before = {f.trace_id for f in untouched if f.kind.value == kind and f.confidence >= SURE}
        for rate in RATES:
            planted, traces = planted_into(raw, plant, rate, random.Random(f"{seed} {name} {rate}"))
            found = found_by(kind, traces)
            naive = floor(traces)
            for id, form in planted.items():
                forms[name][f"{form} {'found' if id in found else 'missed'}"] += 1
            row = f"{name:24} {kind:20} {rate:5.0%} {len(planted):7} {share(planted, found):7.3f} {share(found, planted):9.3f}"
            new = found - (before - planted.keys())
            print(f"{row} {share(new, planted):7.3f}   {share(planted, naive):12.3f} {share(naive, planted):9.3f}")
    print("\nby form, all rates together (forms are numbered as they stand in the source)")
    for name, counts in forms.items():
        each = sorted({key.rsplit(" ", 1)[0] for key in counts})
        print(
            f"  {name:24} "
            + "  ".join(f"{f}: {counts[f + ' found']}/{counts[f + ' found'] + counts[f + ' missed']}" for f in each)
        )


def found_by(kind: str, traces: list[Trace]) -> set[str]:
    """The traces in which one detector finds its pattern."""
    batch = observe(traces)
    detect = PATTERNS[ProposalKind(kind)].detect
    return {f.trace_id for one in batch.recorded for f in detect(one, batch) if f.confidence >= SURE}


def speeds(traces: list[Trace]) -> dict[str, tuple[float, float]]:
    """Microseconds per event, mean and 99th percentile, of each guard as fitted by nothing."""
    events = [[m.event for m in one.moments] for one in observe(traces).recorded]
    found = {}
    for name in GUARDS:
        guard = build(name)
        took = []
        for session in events:
            state = guard.initial()
            for now, event in enumerate(session):
                start = time.perf_counter_ns()
                state, _ = guard.step(state, event, float(now))
                took.append((time.perf_counter_ns() - start) / 1000)
        took.sort()
        found[name] = sum(took) / len(took), took[int(0.99 * len(took))]
    return found


def counted(findings: Sequence[PatternFinding]) -> str:
    """How many traces each detector speaks in."""
    traces: dict[str, set[str]] = defaultdict(set)
    for finding in findings:
        traces[f"{finding.kind.value}{'' if finding.confidence >= SURE else ' (weak)'}"].add(finding.trace_id)
    return ", ".join(f"{kind} {len(ids)}" for kind, ids in sorted(traces.items())) or "nothing"


def listed(data: Path) -> None:
    """Each finding in each set, weak ones too, for a person to read: trace id, message, pattern, confidence, quote, reason."""
    for name, load in TASKS.items():
        findings = find_patterns([case.trace for case in load(data)]).findings
        print(f"\n{name}: {counted(findings)}")
        for f in sorted(findings, key=lambda f: (f.confidence < SURE, f.kind.value, f.trace_id)):
            print(f"  {f.trace_id}  {f.message_index}  {f.kind.value}  {f.confidence:.2f}  {f.quote}\n      {f.reason}")


def share(part: Any, whole: Any) -> float:
    """The share of `part` that is in `whole`; 1 where there is nothing."""
    return len(set(part) & set(whole)) / len(set(part)) if part else 1.0


if __name__ == "__main__":
    main()
