"""Does the loop close on the shipped agent? Its planted defects against what is found, proposed, verified and grouped.

    python bench/airline.py [--sessions 2000] [--seed 11]

The agent serves that many simulated customers with all defects on. From its traces alone, the six patterns are detected,
proposals made and verified, and failures mined and grouped; which defects fired in a session is ground truth, and used here to
count only.

1. By defect with a guard: sessions in which it fired, in how many of them its pattern was found (recall), and findings in
   sessions where it did not fire (false alarms). Beside it the floor: the mined failures, whatever they are.
2. By proposal: replay of the guard over all traces, and verification: the customers of 20 traces of the evidence and of 20 others
   come back, three trials each, without the guard and with it, and up to twelve where that does not decide. Then the same guard
   on replayed user turns, as `loopwright improve verify` does without a suite, and on the agent with all defects off, where no
   guard can help: each is a look of its own at the same proposal, and spends of what is left.
3. All defects off: what is proposed from as many sessions.
4. Defects without a guard: the modes of their own, in which more than half of the members show the defect and no other defect is
   as frequent; how many failures these hold, how many of them show the defect (purity), and how many of its failures lie in other
   modes. Once as the agent is, and once under the six guards. Then in how many of the sessions in which it fired it fires under
   the guards too.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from loopwright import wiring
from loopwright.collect.joining import read_given
from loopwright.collect.trace import Trace
from loopwright.evaluate.case import Suite
from loopwright.examples.airline.defects import ALL, GUARD_FOR, KNOWLEDGE, NONE, Defects
from loopwright.examples.airline.production import simulate
from loopwright.examples.airline.returning import returning
from loopwright.examples.airline.setup import Setup
from loopwright.examples.airline.spans import AGENT, TRACER
from loopwright.examples.airline.target import AirlineTarget, respond
from loopwright.guards.catalogue import build
from loopwright.guards.harness import Harness
from loopwright.improve.proposal import Effect, Proposal, Verification
from loopwright.ports import Store
from loopwright.settings import Settings
from loopwright.workflows.clustering import cluster_store
from loopwright.workflows.improving import detect_store
from loopwright.workflows.mining import mine_store
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, verify_proposal

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS, NEW_TOPIC_WEEK, VERSION = 4, 3, "1.0"
COME_BACK, TRIALS, MOST_TRIALS = 20, 3, 12
OTHERS = (*KNOWLEDGE, "mixes_up_reservations", "reveals_others_booking")


@dataclass(frozen=True)
class Production:
    """What an agent did, as its traces tell it, and which defects fired in truth, by trace id."""

    seed: int
    defects: Defects
    traces: list[Trace]
    fired: Mapping[str, frozenset[str]]
    feedback: list[Mapping[str, Any]]

    @property
    def by_id(self) -> dict[str, Trace]:
        """The traces by their ids."""
        return {trace.trace_id: trace for trace in self.traces}

    def target(self, tables: Mapping[str, Mapping[str, Any]]) -> AirlineTarget:
        """The agent under the guards of a harness."""
        return AirlineTarget(Setup(self.seed, self.defects, VERSION, harness(tables)))

    def those_with(self, defect: str) -> set[str]:
        """The traces in which a defect fired."""
        return {trace_id for trace_id, names in self.fired.items() if defect in names}


class Quiet:
    """No progress."""

    def start(self, label: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, by: int = 1) -> None:
        """Nothing."""

    def done(self) -> None:
        """Nothing."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="not read")
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=11)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measured(asked.seed, asked.sessions, Path(folder)))


async def measured(seed: int, sessions: int, folder: Path) -> None:
    """Everything, with all defects on and then with all off."""
    made, took = timed(lambda: produce(seed, sessions, ALL))
    print(f"{sessions} sessions of seed {seed}, all defects on: {took:.0f} s to simulate and read")
    settings = Settings(folder=folder / "all")
    with wiring.store(settings) as store:
        put(store, made)
        start = time.perf_counter()
        proposals = (await detect_store(store)).proposals
        print(f"patterns, proposals and replay: {time.perf_counter() - start:.0f} s\n")
        failing = {failure.trace_id for failure in (await mine_store(store, list(wiring.detectors()))).failures}
        by_defect(made, proposals, failing)
        await verified(made, store, settings, proposals)
        print("\nwhere defects without a guard fall, the agent as it is")
        await modes(made, store, settings)
    tables = {p.kind.value: {"mode": "enforce", **p.change} for p in proposals}
    under = produce(seed, sessions, ALL, harness(tables))
    settings = Settings(folder=folder / "under guards")
    with wiring.store(settings) as store:
        put(store, under)
        await mine_store(store, list(wiring.detectors()))
        print(f"\nthe same under the {len(tables)} guards")
        await modes(under, store, settings)
    guarded(made, tables)
    sound = produce(seed, sessions, NONE)
    with wiring.store(Settings(folder=folder / "none")) as store:
        put(store, sound)
        found = (await detect_store(store)).proposals
        print(f"\nall defects off, {sessions} sessions: proposed {[p.kind.value for p in found] or 'nothing'}")
        for proposal in found:
            print(row_of(proposal, await verification(sound, store, Settings(folder=folder / "none"), proposal)))


def produce(seed: int, sessions: int, defects: Defects, guards: Harness | None = None) -> Production:
    """Serve the customers; the traces are read out of the spans that the agent exports."""
    memory = wiring.span_memory()
    tracer = memory.provider(AGENT, VERSION, seed=seed).get_tracer(TRACER)
    played = simulate(
        seed,
        sessions,
        START,
        defects=defects,
        version=VERSION,
        harness=guards,
        weeks=WEEKS,
        tracer=tracer,
        new_topic_week=NEW_TOPIC_WEEK,
    )
    visits = list(played)
    given = [row for visit in visits for row in visit.feedback]
    return Production(seed, defects, memory.take_traces(), {v.trace_id: v.fired for v in visits}, given)


def put(store: Store, made: Production) -> None:
    """Store the traces, and what users gave as feedback."""
    place = ("session_id", "trace_id", "timestamp")
    store.put_traces(made.traces)
    rows = ({k: row[k] for k in place} | {"feedback": {k: v for k, v in row.items() if k not in place}} for row in made.feedback)
    store.put_feedback([read_given(row) for row in rows])


def by_defect(made: Production, proposals: Sequence[Proposal], failing: set[str]) -> None:
    """A row for each defect that a guard answers."""
    print(f"{'defect':24} {'pattern':20} {'fired':>5} {'found':>5} {'recall':>6} {'false alarms':>16}   {'floor: mined':>12}")
    evidence = {p.kind.value: set(p.evidence) for p in proposals}
    for defect, kind in GUARD_FOR.items():
        fired, found = made.those_with(defect), evidence.get(kind, set())
        false = f"{len(found - fired)} of {len(made.traces) - len(fired)}"
        mined = f"{len(fired & failing)}, {len(failing - fired)} other"
        counts = f"{len(fired):5} {len(fired & found):5} {share(fired & found, fired):6.2f}"
        print(f"{defect:24} {kind:20} {counts} {false:>16}   {mined:>12}")


async def verified(made: Production, store: Store, settings: Settings, proposals: Sequence[Proposal]) -> None:
    """A row for each proposal and each way to try it."""
    print("\nproposals: caught, acting in others; verdict; failure, success, runtime (s), cost (cents), without -> with")

    for proposal in proposals:
        print(row_of(proposal, await verification(made, store, settings, proposal)))
        print(row_of(proposal, await verification(made, store, settings, proposal, replayed=True), "  replayed turns"))
        off = Production(made.seed, NONE, made.traces, made.fired, [])
        print(row_of(proposal, await verification(off, store, settings, proposal), "  all defects off"))


async def verification(
    made: Production, store: Store, settings: Settings, proposal: Proposal, replayed: bool = False
) -> Verification:
    """One look at a proposal, on customers who come back or on replayed turns."""
    bench = VerifyBench(store, made.target, wiring.executor(settings), wiring.clock(), wiring.checks_limit())
    policy = wiring.verify_policy(settings)
    ours = set(proposal.evidence)
    known = made.by_id
    chosen = [known[trace_id] for trace_id in proposal.evidence[:COME_BACK]]
    chosen += islice((trace for trace in made.traces if trace.trace_id not in ours), COME_BACK)
    suite = Suite() if replayed else Suite(returning(chosen, made.seed, START, NEW_TOPIC_WEEK))
    label = f"{VERSION} {'replayed' if replayed else 'returning'} {'off' if made.defects == NONE else 'on'}"
    more = {} if replayed else {"trials": TRIALS, "max_trials": MOST_TRIALS, "evidence": 0, "others": 0}
    return await verify_proposal(VerifyRequest(proposal, suite, label, policy=policy, **more), bench, Quiet())


def row_of(proposal: Proposal, found: Verification, name: str = "") -> str:
    """One verification as a line."""
    replay = proposal.replay
    acted = f"{replay.caught}/{replay.evidence}, {replay.false_alarms}/{replay.others}" if replay and not name else ""
    effects = (change(found.failure), change(found.success), change(found.runtime_ms, 1e-3, 1), change(found.cost_usd, 100))
    told = " ".join(f"{effect:>14}" for effect in effects)
    size = f"{found.trials} pairs of {found.cases} cases, look {found.look}"
    return f"{name or proposal.kind.value:20} {acted:>18}  {found.verdict:10} {told}  ({size})"


def change(effect: Effect, scale: float = 1.0, digits: int = 2) -> str:
    """A measure without and with the guard."""
    if effect.without is None or effect.with_ is None:
        return "unknown"
    return f"{effect.without * scale:.{digits}f} -> {effect.with_ * scale:.{digits}f}"


async def modes(made: Production, store: Store, settings: Settings) -> None:
    """A row for each defect that no guard answers: the mode that it makes."""
    clustering = await cluster_store(store, wiring.embedder(settings, print), wiring.cluster_options(settings), START)
    members: dict[str | None, list[str]] = {}
    for member in clustering.memberships:
        members.setdefault(member.mode_id, []).append(member.trace_id)
    names = {mode.mode_id: mode.name for mode in clustering.modes}
    alone = members.pop(None, [])
    print(f"{len(clustering.modes)} modes, {len(alone)} one-offs")
    print(f"{'defect':24} {'fired':>5} {'mined':>5} {'own modes':>9} {'members':>7} {'purity':>6} {'elsewhere':>9}  the largest")
    for defect in OTHERS:
        fired = made.those_with(defect)
        mined = sum(trace_id in fired for ids in (*members.values(), alone) for trace_id in ids)
        own = {mode: ids for mode, ids in members.items() if owned(ids, made.fired, defect)}
        held = [trace_id for ids in own.values() for trace_id in ids]
        inside = sum(trace_id in fired for trace_id in held)
        counts = f"{len(fired):5} {mined:5} {len(own):9} {len(held):7}"
        if not own:
            print(f"{defect:24} {counts} {'':6} {mined:9}")
            continue
        largest = max(own, key=lambda mode: (len(own[mode]), mode or ""))
        print(f"{defect:24} {counts} {inside / len(held):6.2f} {mined - inside:9}  {names[largest or '']}")


def owned(ids: Sequence[str], fired: Mapping[str, frozenset[str]], defect: str) -> bool:
    """Whether a mode of these traces is a defect's own."""
    counts = Counter(name for trace_id in ids for name in fired[trace_id])
    count = counts.pop(defect, 0)
    return count * 2 > len(ids) and count > max(counts.values(), default=0)


def guarded(made: Production, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether the guards, all together, stop what is none of their matter."""
    print("\nsessions in which it fired, at most 60: it fires without -> with all guards, in the same sessions played again")
    for defect in OTHERS:
        fired = made.those_with(defect)
        cases = returning(islice((t for t in made.traces if t.trace_id in fired), 60), made.seed, START, NEW_TOPIC_WEEK)
        setups = [made.target(given).setup for given in ({}, tables)]
        counts = [sum(defect in respond(setup, case.input, case.id, 0)["fired"] for case in cases) for setup in setups]
        print(f"  {defect:24} {counts[0]:3} -> {counts[1]:3} of {len(cases)}")


def harness(tables: Mapping[str, Mapping[str, Any]]) -> Harness:
    """The guards of a harness's tables."""
    return Harness([build(k, {a: v for a, v in t.items() if a != "mode"}, str(t["mode"])) for k, t in tables.items()])


def share(part: set[str], whole: set[str]) -> float:
    """The share of `whole` that `part` is; 1 where there is nothing."""
    return len(part) / len(whole) if whole else 1.0


def timed(work: Any) -> tuple[Any, float]:
    """What some work gives, and the seconds that it took."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


if __name__ == "__main__":
    main()
