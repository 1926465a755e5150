"""Recorded conversations as cases to verify on, so that a proposal can be verified before any eval was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.collect.trace import Trace
from loopwright.evaluate.case import Check, EvalCase, Layer
from loopwright.improve.proposal import Proposal
from loopwright.mine.reading import roles

TAG = "replay"
EVIDENCE, OTHER = "evidence", "other"
CHECKS = tuple(Check("no_signal", {"detector": name}) for name in ("agent_admission", "agent_loop", "unanswered_call"))
"""What must hold of a replayed conversation. These see what the user is told, so that the guard's own messages do not count."""


def replay_cases(proposal: Proposal, traces: Sequence[Trace], *, evidence: int = 20, others: int = 10) -> tuple[EvalCase, ...]:
    """Cases whose input is what the users said in recorded conversations, in their order, as chat messages.

    The first `evidence` traces of the proposal's evidence that are among `traces`, and `others` spread evenly over the rest, to
    see what the guard does where nothing is wrong. Conversations without a user's message are left out, and so are repeats of
    the same words. A case with several messages is a conversation: the agent is asked turn by turn (`TurnByTurn`).
    """
    wanted = {trace_id: place for place, trace_id in enumerate(proposal.evidence)}
    spoken = [(trace, turns) for trace in traces if (turns := user_turns(trace))]
    ours = sorted((row for row in spoken if row[0].trace_id in wanted), key=lambda row: wanted[row[0].trace_id])
    rest = [row for row in spoken if row[0].trace_id not in wanted]
    chosen = [(row, EVIDENCE) for row in ours[:evidence]]
    count = min(others, len(rest))
    chosen += [(rest[len(rest) * place // count], OTHER) for place in range(count)]
    made = [_case(trace, turns, kind) for (trace, turns), kind in chosen]
    return tuple({case.id: case for case in reversed(made)}.values())[::-1]


def user_turns(trace: Trace) -> tuple[dict[str, Any], ...]:
    """What the user said, as chat messages; a system message that begins the conversation is the agent's own, and left out."""
    spoken = (m for m, role in zip(trace.messages, roles(trace.messages), strict=True) if role == "user" and m.text.strip())
    return tuple({"role": "user", "content": message.text} for message in spoken)


def without_own_trials(cases: Sequence[EvalCase]) -> tuple[EvalCase, ...]:
    """The cases, each to be tried as often as the others: pairs then weigh alike."""
    return tuple(replace(case, trials=None) for case in cases)


def _case(trace: Trace, turns: Sequence[dict[str, Any]], kind: str) -> EvalCase:
    return EvalCase(
        id=content_id(TAG, list(turns)),
        input=list(turns),
        expected_behaviour="Answers without giving up, going round in circles or leaving a tool call open.",
        tags=(TAG, kind),
        layer=Layer.DETERMINISTIC,
        checks=CHECKS,
        source_trace_ids=(trace.trace_id,),
    )
