"""The loop on the shipped agent: from its traces alone to guards that help, and to none where there is nothing to mend.

Which defects are planted is ground truth; it is compared with here, and read by nothing that is tested.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

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
from loopwright.improve.proposal import Proposal, Verification
from loopwright.ports import Store
from loopwright.settings import Settings
from loopwright.workflows.clustering import cluster_store
from loopwright.workflows.improving import detect_store
from loopwright.workflows.mining import mine_store
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, verify_proposal

START = datetime(2026, 1, 5, tzinfo=UTC)
SEED, SESSIONS, COME_BACK = 23, 400, 20


class Quiet:
    def start(self, label: str, total: int | None = None) -> None: ...
    def advance(self, by: int = 1) -> None: ...
    def done(self) -> None: ...


@dataclass(frozen=True)
class World:
    """What the agent did in production, in a store, and what is proposed from it."""

    store: Store
    settings: Settings
    traces: list[Trace]
    fired: Mapping[str, frozenset[str]]
    proposals: tuple[Proposal, ...]

    def tables(self) -> dict[str, dict[str, Any]]:
        return {p.kind.value: {"mode": "enforce", **p.change} for p in self.proposals}

    def verified(self, proposal: Proposal, defects: Defects, trials: int) -> Verification:
        known = {trace.trace_id: trace for trace in self.traces}
        others = (trace for trace in self.traces if trace.trace_id not in proposal.evidence)
        back = [*(known[trace_id] for trace_id in proposal.evidence[:COME_BACK]), *islice(others, COME_BACK)]
        suite = Suite(returning(back, SEED, START))
        bench = VerifyBench(
            self.store,
            lambda tables: AirlineTarget(Setup(SEED, defects, harness=harness(tables))),
            wiring.executor(self.settings),
            wiring.clock(),
            wiring.checks_limit(),
        )
        request = VerifyRequest(proposal, suite, f"{defects}", trials=trials, evidence=0, others=0)
        return asyncio.run(verify_proposal(request, bench, Quiet()))


def harness(tables: Mapping[str, Mapping[str, Any]]) -> Harness:
    return Harness([build(k, {a: v for a, v in t.items() if a != "mode"}, str(t["mode"])) for k, t in tables.items()])


def produced(folder: Path, defects: Defects, sessions: int) -> Iterator[World]:
    memory = wiring.span_memory()
    tracer = memory.provider(AGENT, "1.0", seed=SEED).get_tracer(TRACER)
    visits = list(simulate(SEED, sessions, START, defects=defects, version="1.0", weeks=4, tracer=tracer))
    traces = memory.take_traces()
    settings = Settings(folder=folder)
    with wiring.store(settings) as store:
        store.put_traces(traces)
        proposals = asyncio.run(detect_store(store)).proposals
        yield World(store, settings, traces, {v.trace_id: v.fired for v in visits}, proposals)


@pytest.fixture(scope="module")
def defective(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from produced(tmp_path_factory.mktemp("defective"), ALL, SESSIONS)


def test_each_of_the_six_patterns_is_proposed_and_verified(defective: World) -> None:
    assert {p.kind.value for p in defective.proposals} == set(GUARD_FOR.values())
    for proposal in defective.proposals:
        defect = next(name for name, kind in GUARD_FOR.items() if kind == proposal.kind.value)
        fired = {trace_id for trace_id, names in defective.fired.items() if defect in names}
        evidence = set(proposal.evidence)
        assert len(evidence & fired) >= 0.9 * len(evidence)
        assert len(evidence & fired) >= 0.5 * len(fired)
        found = defective.verified(proposal, ALL, trials=3)
        assert found.verdict == "helping", (proposal.kind, found.reason)


def test_without_defects_no_guard_is_called_helping(defective: World, tmp_path: Path) -> None:
    for proposal in defective.proposals:
        found = defective.verified(proposal, NONE, trials=1)
        assert found.verdict != "helping", proposal.kind
        assert (found.success.difference or 0.0) > -0.05
    for sound in produced(tmp_path, NONE, SESSIONS // 2):
        for proposal in sound.proposals:
            assert sound.verified(proposal, NONE, trials=2).verdict != "helping"


def test_what_the_agent_does_not_know_no_guard_mends(defective: World) -> None:
    setups = [Setup(SEED, ALL, harness=harness(tables)) for tables in ({}, defective.tables())]
    wrong = [trace for trace in defective.traces if defective.fired[trace.trace_id] & set(KNOWLEDGE)][:60]
    cases = returning(wrong, SEED, START)
    without, with_ = (sum(bool(set(KNOWLEDGE) & set(_fired(s, c))) for c in cases) for s in setups)
    assert without == len(cases)
    assert with_ >= 0.85 * without


def _fired(setup: Setup, case: Any) -> list[str]:
    return respond(setup, case.input, case.id, 0)["fired"]


def test_a_customer_comes_back_with_the_same_goal_and_luck(defective: World) -> None:
    (case,) = returning(defective.traces[:1], SEED, START)
    again = respond(Setup(SEED, ALL), case.input, case.id, 0)
    said = [m["content"] for m in again["messages"] if m["role"] == "user"]
    assert said == [m.text for m in defective.traces[0].messages if m.role == "user"]
    assert case.id == f"returning-{defective.traces[0].session_id}"


def test_what_the_agent_does_not_know_makes_modes_of_its_own(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path)
    memory = wiring.span_memory()
    tracer = memory.provider(AGENT, "1.0", seed=SEED).get_tracer(TRACER)
    others = ALL.only("repeats_calls", "skips_identity_check", "invents_tool_names", "retries_without_end")
    ignorant = replace(others, **dict.fromkeys(KNOWLEDGE, 1.0))
    visits = list(simulate(SEED, 700, START, defects=ignorant, version="1.0", weeks=4, tracer=tracer))
    with wiring.store(settings) as store:
        store.put_traces(memory.take_traces())
        store.put_feedback([read_given(feedback_row(row)) for visit in visits for row in visit.feedback])
        asyncio.run(mine_store(store, list(wiring.detectors())))
        found = asyncio.run(cluster_store(store, wiring.embedder(settings, print), wiring.cluster_options(settings), START))
    fired = {visit.trace_id: visit.fired for visit in visits}
    members = [[m.trace_id for m in found.memberships if m.mode_id == mode.mode_id] for mode in found.modes]
    for defect in KNOWLEDGE:
        assert any(sum(defect in fired[id] for id in ids) >= 0.9 * len(ids) for ids in members), defect


def feedback_row(row: Mapping[str, Any]) -> dict[str, Any]:
    place = ("session_id", "trace_id", "timestamp")
    return {k: row[k] for k in place} | {"feedback": {k: v for k, v in row.items() if k not in place}}
