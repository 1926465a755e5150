"""The shipped agent under verification: what is measured is told, and an agent without defects is helped by nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from colour_agent import harness_of
from loopwright import wiring
from loopwright.collect.record import read_chat
from loopwright.examples.airline.defects import ALL, NONE, Defects
from loopwright.examples.airline.production import simulate
from loopwright.examples.airline.setup import Setup
from loopwright.examples.airline.target import AirlineTarget
from loopwright.improve.proposal import Proposal, ProposalKind, Verification
from loopwright.ports import HarnessTables
from loopwright.settings import Settings
from loopwright.surfaces.cli.terminal import TerminalProgress
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, verify_proposal

START = datetime(2026, 1, 5, tzinfo=UTC)
SCOPED = {"requires": {tool: ["verify_identity"] for tool in ("book_flight", "cancel_reservation", "change_flight", "add_bags")}}


def agent(defects: Defects) -> Callable[[HarnessTables], AirlineTarget]:
    return lambda tables: AirlineTarget(Setup(seed=7, defects=defects, harness=harness_of(tables)))


@pytest.mark.parametrize("defects", [ALL, NONE], ids=["all defects", "no defects"])
def test_the_shipped_agent_is_run_with_and_without_the_guard(tmp_path: Path, defects: Defects) -> None:
    visits = simulate(7, 24, START, defects=ALL, version="1.0")
    traces = [read_chat(visit.record()) for visit in visits]
    proposal = Proposal(ProposalKind.SCOPE_PERMISSIONS, tuple(trace.trace_id for trace in traces[:8]), SCOPED)
    with wiring.store(Settings(folder=tmp_path)) as store:
        store.put_traces(traces)
        store.put_proposals([proposal])
        bench = VerifyBench(store, agent(defects), wiring.executor(Settings()), wiring.clock(), lambda _: nullcontext())
        request = VerifyRequest(proposal, trials=2, others=4)
        found: Verification = asyncio.run(verify_proposal(request, bench, TerminalProgress()))
    assert (found.trials, found.cases) == (24, 12)
    assert found.failure.without is not None
    assert found.runtime_ms.without is not None
    assert found.runtime_ms.without > 1000  # the agent's own simulated time, and not that of the call
    assert (found.cost_usd.without or 0) > 0
    if defects is NONE:
        assert found.failure.without == 0
        assert found.verdict != "helping"
