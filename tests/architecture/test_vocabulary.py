"""The words: every term of the vocabulary is a frozen, slotted dataclass, and ids follow from content."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

import loopwright
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.improve.proposal import Proposal, ProposalKind
from loopwright.mine.signal import FailureSignal
from loopwright.release.record import Release

TERMS = [
    "Span", "Trace", "Session", "Feedback", "Signal", "FailureTrace", "FailureMode",
    "EvalCase", "Suite", "EvalResult", "Run", "GateDecision", "Proposal", "Release",
]  # fmt: skip


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_a_frozen_slotted_dataclass(term: str) -> None:
    type_ = getattr(loopwright, term)
    assert dataclasses.is_dataclass(type_)
    assert type_.__dataclass_params__.frozen
    assert "__slots__" in vars(type_)


def test_the_root_names_every_term_and_refuses_others() -> None:
    assert set(TERMS) <= set(dir(loopwright))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        loopwright.Nothing  # noqa: B018


def test_the_type_stub_and_the_lazy_names_agree() -> None:
    import ast
    from pathlib import Path

    stub = ast.parse(Path(loopwright.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    named = {f"{node.module}.{a.asname}" for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert named == {f"loopwright.{module}.{name}" for name, module in loopwright._PUBLIC.items()}


def test_the_failure_signals_are_the_sources_five() -> None:
    assert [s.value for s in FailureSignal] == [
        "hard_error",
        "user_correction",
        "abandonment",
        "llm_judge_fail",
        "business_metric",
    ]


def test_a_decision_takes_the_sources_keywords() -> None:
    decision = GateDecision(approved=False, regressions=[], message="Blocked", new_evals_queued=0)
    assert decision.decision is Outcome.BLOCKED
    assert GateDecision(approved=True).decision is Outcome.APPROVED
    assert GateDecision(approved=False, decision=Outcome.UNDECIDED).decision is Outcome.UNDECIDED


def test_a_decision_cannot_contradict_itself() -> None:
    with pytest.raises(ValueError, match="contradicts"):
        GateDecision(approved=True, decision=Outcome.UNDECIDED)


def test_ids_follow_from_content() -> None:
    proposal = Proposal(ProposalKind.RETRY_BUDGET, ("t1",), {"limit": 3})
    assert proposal.proposal_id == Proposal(ProposalKind.RETRY_BUDGET, ("t2",), {"limit": 3}).proposal_id
    assert proposal.proposal_id != Proposal(ProposalKind.RETRY_BUDGET, ("t1",), {"limit": 4}).proposal_id
    when = datetime(2026, 1, 1, tzinfo=UTC)
    assert Release("v1", when, "Ada").release_id == Release("v1", when, "Grace").release_id
