"""What to do next follows from the state: the most important first, three at most, each with the commands to type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loopwright.audit.trail import Break
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.improve.proposal import Proposal, ProposalKind, ProposalRecord, ProposalStatus
from loopwright.ports import StoredDecision
from loopwright.release.effect import ModeEffect, ReleaseEffect, Verdict
from loopwright.release.record import Release
from loopwright.surfaces.cli.main import VERBS
from loopwright.surfaces.reports.next_steps import MOST, next_steps
from loopwright.surfaces.reports.page import render
from loopwright.watch.finding import DriftFinding, DriftKind
from loopwright.workflows.analysis import Analysis, Kept, Standing
from loopwright.workflows.rates import rate

Make = Callable[..., Analysis]
WHEN = datetime(2026, 6, 1, tzinfo=UTC)
SETTLED = Standing(cases=3, runs=2, baseline=1, latest=StoredDecision("d1", GateDecision(True), WHEN))


def drift(days_ago: float = 1) -> DriftFinding:
    return DriftFinding(
        DriftKind.DISTRIBUTION_SHIFT, "inputs", "2026-W22", "what users ask differs from before", 0.001, 0.4, {},
        (("loopwright watch sample --out new-inputs.jsonl", "write the new inputs"),), found_at=WHEN - timedelta(days=days_ago),
    )  # fmt: skip


def proposal(status: ProposalStatus) -> ProposalRecord:
    return ProposalRecord(Proposal(ProposalKind.RETRY_BUDGET, ("t1", "t2", "t3"), {"limit": 3}), status=status)


def decided(outcome: Outcome, *commands: str) -> StoredDecision:
    return StoredDecision("d2", GateDecision(False, message="Said so.", decision=outcome, commands=commands), WHEN)


def of_store(analysis: Make, standing: Standing = SETTLED, proposals: tuple[ProposalRecord, ...] = (), **kept: Any) -> Analysis:
    return analysis(origin="store", made_at=WHEN, span=None, proposals=proposals, kept=Kept(standing=standing, **kept))


def risen() -> dict[str, Any]:
    release = Release("v2", WHEN, "Ada")
    worse = ModeEffect("mode-1", "lost refunds", (1, 100), (20, 100), 0.19, 0.1, 0.3, 1e-5, 1e-4, Verdict.ROSE)
    return {"releases": (release,), "effect": ReleaseEffect(release, None, 100, 100, (worse,))}


STATES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("all is settled", {}, ["Nothing waits"]),
    ("drafts wait", {"standing": replace(SETTLED, drafts=4)}, ["Review 4 draft cases"]),
    (
        "all kinds wait",
        {"standing": replace(SETTLED, drafts=1, queued=2), "proposals": (proposal(ProposalStatus.VERIFIED),)},
        ["Review 1 draft case, 1 verified proposal and 2 failures after a gate"],
    ),
    ("a proposal was not tried", {"proposals": (proposal(ProposalStatus.OPEN),)}, ["Verify 1 proposal"]),
    ("a proposal is approved", {"proposals": (proposal(ProposalStatus.APPROVED),)}, ["Apply 1 approved proposal"]),
    ("the gate blocked", {"standing": replace(SETTLED, latest=decided(Outcome.BLOCKED))}, ["Mend what the gate blocked"]),
    ("the gate is undecided", {"standing": replace(SETTLED, latest=decided(Outcome.UNDECIDED))}, ["Let the gate decide"]),
    (
        "a run came after the gate blocked",
        {"standing": replace(SETTLED, latest=decided(Outcome.BLOCKED), ungated="v3")},
        ["Gate the last run"],
    ),
    ("no run", {"standing": Standing(cases=3)}, ["Run the suite"]),
    ("no baseline", {"standing": Standing(cases=3, runs=1, ungated="v1")}, ["Establish a baseline"]),
    ("modes without a case", {"standing": replace(SETTLED, cases=0)}, ["Draft cases for 2 failure modes"]),
    ("traces came", {"standing": replace(SETTLED, unmined=1)}, ["Look for failures"]),
    ("drift was found", {"findings": (drift(),)}, ["Answer the drift"]),
    ("drift was found long ago", {"findings": (drift(90),)}, ["Nothing waits"]),
    ("a release made it worse", risen(), ["Decide whether v2 stays"]),
    (
        "everything at once",
        {
            "standing": Standing(drafts=4, unmined=7, latest=decided(Outcome.UNDECIDED)),
            "breaks": (Break(3, "was changed"),),
            "findings": (drift(),),
        } | risen(),
        ["Find out who changed the trail", "Decide whether v2 stays", "Answer the drift"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("state", "titles"), [s[1:] for s in STATES], ids=[s[0] for s in STATES])
def test_the_steps_follow_from_the_state_of_the_store(analysis: Make, state: dict[str, Any], titles: list[str]) -> None:
    made = of_store(analysis, **state)
    steps = next_steps(made)
    assert [step.title.replace("\u00a0", " ") for step in steps] == titles
    assert len(steps) <= MOST
    assert all(step.why and step.commands for step in steps)
    assert all(command.split()[:1] == ["loopwright"] and command.split()[1] in VERBS for s in steps for command in s.commands)
    page = render(made)
    assert all(f'id="{step.href[1:]}"' in page for step in steps if step.href)
    assert f"<code>{steps[0].commands[0]}</code></p>" in page, "the first step stands at the top too"


def test_the_gate_says_itself_what_would_decide(analysis: Make) -> None:
    latest = decided(Outcome.UNDECIDED, "loopwright run --repeat --case refund")
    (step,) = next_steps(of_store(analysis, replace(SETTLED, latest=latest)))
    assert step.commands == ("loopwright run --repeat --case refund",)
    assert step.why == "Said so."


def test_an_answered_drift_is_no_step(analysis: Make) -> None:
    release = Release("v2", WHEN, "Ada", rolled_back_at=WHEN, rolled_back_by="Ada", rollback_why="it fails")
    found = DriftFinding(DriftKind.REGRESSION, "any", "v2", "failures rose", 0.001, 0.4, {}, (), found_at=WHEN)
    assert [s.title for s in next_steps(of_store(analysis, findings=(found,), releases=(release,)))] == ["Nothing waits"]
    assert [s.title for s in next_steps(of_store(analysis, findings=(found,)))] == ["Answer the drift"]


def test_after_a_look_at_files_the_first_step_is_to_look_closer(analysis: Make) -> None:
    assert [s.title for s in next_steps(analysis())] == ["Look at the evidence", "Keep it", "Gate the next release"]
    steps = next_steps(analysis(proposals=(proposal(ProposalStatus.OPEN),)))
    assert steps[2].title.replace("\u00a0", " ") == "Try the 1 proposal"


def test_an_empty_store_asks_for_traces(analysis: Make) -> None:
    made = of_store(analysis)
    (step,) = next_steps(replace(made, failing=rate(0, 0), failures=()))
    assert step.title == "Give it conversations"
