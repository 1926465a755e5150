"""Do drafts tell failures? On public conversations with rewards that drafting never reads.

    python bench/drafts.py --data DIR [--half develop|report|all] [--set tau_bench|tau2_variants]

For every failed conversation a case is drafted and tried for admission; then its checks judge each *other* conversation of the
same task, as recorded. A verdict of "fails" is right where the reward is 0. When a conversation is judged it is left out of what
the draft was compared with: drafting saw neither it nor any reward. Without a verdict a conversation counts as not failing.

Beside it, in the same run: what a draft makes of one failure alone, without other conversations to compare with; and the floors:
every conversation fails; it fails where its last words, or all it says, differ from those on record; or at random, as often as
the admitted drafts say so. Intervals are 95 %, by a bootstrap over tasks.

Drafting was developed on the tasks with an even number of tau_bench; `report`, the default, is those with an odd one.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from loopwright.collect.trace import Message
from loopwright.evaluate.admission import fails_on
from loopwright.evaluate.case import EvalCase, Layer
from loopwright.evaluate.draft import draft
from loopwright.evaluate.recording import said
from loopwright.evaluate.surroundings import NOWHERE, Surroundings
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.rank import mine
from loopwright.mine.reading import role_of
from loopwright.mine.signal import FailureSignal, FailureTrace
from mine import Case, tau2, tau_bench

BOOTSTRAPS = 2000


class Judged(NamedTuple):
    """One verdict: the task, whether its conversations had mixed rewards, what was said (None: nothing), and what is true."""

    task: str
    mixed: bool
    says: bool | None
    failed: bool


class Drafts(NamedTuple):
    """What drafting gave for one data set: its verdicts by kind of draft, and how many drafts of each fate there were."""

    judged: dict[str, list[Judged]]
    fates: Counter[str]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=("develop", "report", "all"), default="report")
    parser.add_argument("--set", choices=tuple(SETS), default="tau_bench")
    asked = parser.parse_args()
    every = list(SETS[asked.set](asked.data))
    cases = [c for c in every if asked.half == "all" or int(c.task) % 2 == (asked.half == "report")]
    drafts = judge(cases)
    tasks = {c.task for c in cases}
    mixed = {j.task for j in drafts.judged["every conversation fails"] if j.mixed}
    print(f"{asked.set}, {asked.half}: {len(cases)} conversations of {len(tasks)} tasks, {sum(c.failed for c in cases)} failed")
    print("; ".join(f"{fate} {times}" for fate, times in sorted(drafts.fates.items())))
    for name, only_mixed in ((f"{len(mixed)} tasks with mixed rewards", True), ("all tasks", False)):
        print(f"\n{name}\n{'':44} {'verdicts':>8} {'fails':>6}  {'precision':22} {'recall':22}")
        for kind, rows in drafts.judged.items():
            show(kind, [j for j in rows if j.mixed or not only_mixed])


def judge(cases: Sequence[Case]) -> Drafts:
    """Draft from every failed conversation and let the drafts judge the others of its task."""
    traces = [c.trace for c in cases]
    failures = {f.trace_id: f for f in mine(traces, SHIPPED).failures}
    surroundings = Surroundings(traces, failures.values())
    tasks: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        tasks[case.task].append(case)
    judged: dict[str, list[Judged]] = {kind: [] for kind in KINDS}
    fates: Counter[str] = Counter()
    for task, group in tasks.items():
        mixed = len({c.failed for c in group}) == 2
        for source in (c for c in group if c.failed):
            found = failures.get(source.trace.trace_id) or reported(source)
            alone = drafted(found, source, NOWHERE)
            fates.update([f"drafted from {fate(drafted(found, source, surroundings))}"])
            for other in (c for c in group if c is not source):
                made = drafted(found, source, surroundings.without(other.trace.trace_id))
                for kind, says in verdicts(made, alone, source, other).items():
                    judged[kind].append(Judged(task, mixed, says, other.failed))
    rng = random.Random(0)
    rate = float(np.mean([j.says is True for j in judged["admitted drafts"]]))
    judged["at random, as often as admitted drafts"] = [
        j._replace(says=rng.random() < rate) for j in judged["every conversation fails"]
    ]
    return Drafts(judged, fates)


def drafted(failure: FailureTrace, source: Case, surroundings: Surroundings) -> EvalCase:
    """The draft of one failure."""
    return draft([failure], {failure.trace_id: source.trace.messages}, surroundings=surroundings)


def reported(source: Case) -> FailureTrace:
    """The failure of a conversation in which mining found nothing, as a person would report it."""
    first = next((m.text for m in source.trace.messages if role_of(m) == "user"), "")
    payload = {"input": first, "request": first}
    return FailureTrace(
        source.trace.trace_id, None, FailureSignal.USER_CORRECTION, payload, [], "", "a person reported it", {}, severity=0.5
    )


def fate(made: EvalCase) -> str:
    """What became of a draft."""
    what = "the outcome" if made.layer is Layer.BEHAVIORAL else "the turn" if made.checks else "its words, for a judge"
    return what + (", not admitted" if made.not_admitted and made.checks else "")


def verdicts(made: EvalCase, alone: EvalCase, source: Case, other: Case) -> dict[str, bool | None]:
    """What each kind of draft says of the other conversation."""
    says, outcome = decide(made, other), made.layer is Layer.BEHAVIORAL
    agreed = any(check.type != "not_exact_calls" for check in made.checks)
    return {
        "all drafts with checks": says,
        "admitted drafts": None if made.not_admitted else says,
        "  of the outcome, where others agree": says if outcome and agreed and not made.not_admitted else None,
        "  of the outcome, not the same again": says if outcome and not agreed and not made.not_admitted else None,
        "  of the turn that failed": None if outcome or made.not_admitted else says,
        "drafts from the failure alone": decide(alone, other),
        "its last words differ from those on record": words(source)[-1:] != words(other)[-1:],
        "its words are all those on record": words(source) == words(other),
        "every conversation fails": True,
    }


KINDS = (
    "all drafts with checks", "admitted drafts", "  of the outcome, where others agree", "  of the outcome, not the same again",
    "  of the turn that failed", "drafts from the failure alone", "its last words differ from those on record",
    "its words are all those on record", "every conversation fails",
)  # fmt: skip


def decide(made: EvalCase, other: Case) -> bool | None:
    """The checks' verdict on a whole recorded conversation."""
    return fails_on(made, said(other.trace.messages)) if made.checks else None


def words(case: Case) -> list[str]:
    """All that the agent says."""
    return [m.text.strip() for m in case.trace.messages if spoken_by_agent(m)]


def spoken_by_agent(message: Message) -> bool:
    """Whether it is text of the agent."""
    return role_of(message) == "agent" and bool(message.text.strip())


def show(kind: str, rows: list[Judged]) -> None:
    """One line: how many verdicts there are, how many say that it fails, and how right they are."""
    decided, fails = sum(j.says is not None for j in rows), sum(j.says is True for j in rows)
    right = [(j.task, j.failed) for j in rows if j.says]
    found = [(j.task, j.says is True) for j in rows if j.failed]
    print(f"{kind:44} {decided:8} {fails:6}  {share(right):22} {share(found):22}")


def share(rows: Sequence[tuple[str, bool]]) -> str:
    """The share that is true, with its interval by a bootstrap over tasks."""
    if not rows:
        return "-"
    tasks: dict[str, list[bool]] = defaultdict(list)
    for task, value in rows:
        tasks[task].append(value)
    hits, sizes = np.array([sum(v) for v in tasks.values()]), np.array([len(v) for v in tasks.values()])
    pick = np.random.default_rng(0).integers(len(hits), size=(BOOTSTRAPS, len(hits)))
    low, high = np.quantile(hits[pick].sum(axis=1) / sizes[pick].sum(axis=1), [0.025, 0.975])
    return f"{hits.sum() / sizes.sum():.3f} [{low:.3f}, {high:.3f}]"


SETS: dict[str, Callable[[Path], Iterator[Case]]] = {"tau_bench": tau_bench, "tau2_variants": tau2}

if __name__ == "__main__":
    main()
