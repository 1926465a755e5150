"""Evidence for a reviewer: what was said where an item's failures show, and what trying a draft shows now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.collect.conversation import read_messages
from loopwright.collect.trace import Message
from loopwright.errors import RecordError
from loopwright.evaluate.admission import Admission, admit
from loopwright.evaluate.case import EvalCase, Layer
from loopwright.evaluate.recording import spoken_line
from loopwright.evaluate.surroundings import Surroundings
from loopwright.improve.proposal import Proposal
from loopwright.mine.signal import FailureTrace
from loopwright.ports import Store
from loopwright.workflows.drafting import surroundings_of
from loopwright.workflows.review_items import Item

QUOTES = 3
"""So many failures of an item are quoted."""

_BEFORE = 2


@dataclass(frozen=True, slots=True)
class Quote:
    """A recorded message that is evidence, with those around it: trace, index, and (role, text) of each."""

    trace_id: str
    index: int | None
    reason: str
    said: tuple[tuple[str, str], ...] = ()


def quotes(store: Store, item: Item) -> tuple[Quote, ...]:
    """The evidence of an item, `QUOTES` pieces at most."""
    if item.proposal is not None:
        return _of_proposal(item.proposal.proposal)
    if item.failure is not None:
        result = item.failure.result
        reasons = "; ".join(f"{c.type}: {c.reason}" for c in result.checks if c.passed is False)
        return (Quote(item.id, None, reasons, (("assistant", result.output),)),)
    failures = item.candidate.failures[:QUOTES] if item.candidate is not None else ()
    return tuple(_of_failure(failure, _messages(store, failure)) for failure in failures)


def tried(store: Store, case: EvalCase, around: Surroundings | None = None) -> Admission:
    """What trying a draft on the stored recordings shows now; what it says of itself, where its source is not stored.

    `around` is `surroundings_of(store, ...)`, for a caller that tries several.
    """
    source = next((trace for id in case.source_trace_ids[:1] if (trace := store.trace(id)) is not None), None)
    if source is None:
        return Admission(case.fails_on_source, why_not=case.not_admitted)
    around = around or surroundings_of(store, store.failures())
    whole = case.layer is Layer.BEHAVIORAL
    others = around.comparable(source.trace_id, source.messages, source.agent, whole=whole)
    return admit(case, source.messages, [other.messages for other in others])


def _of_proposal(proposal: Proposal) -> tuple[Quote, ...]:
    pairs = zip(proposal.evidence, proposal.quotes, strict=False)
    return tuple(Quote(id, None, "", (("evidence", text),)) for id, text in list(pairs)[:QUOTES])


def _of_failure(failure: FailureTrace, messages: Sequence[Message]) -> Quote:
    signal = max(failure.signals, key=lambda s: s.severity * s.confidence, default=None)
    at = signal.where.message_index if signal is not None else None
    reason = signal.reason if signal is not None else failure.failure_reason
    if at is None or at >= len(messages):
        asked = failure.input_payload.get("input")
        return Quote(failure.trace_id, None, reason, (("user", asked),) if isinstance(asked, str) else ())
    around = [m for m in messages[max(0, at - _BEFORE) : at + 1] if m.role != "system"]
    return Quote(failure.trace_id, at, reason, tuple((m.role, spoken_line(m)) for m in around))


def _messages(store: Store, failure: FailureTrace) -> Sequence[Message]:
    """From the trace, else from the failure's own record, else none."""
    trace = store.trace(failure.trace_id)
    if trace is not None:
        return trace.messages
    try:
        return read_messages(failure.context_snapshot.get("messages", ()))
    except RecordError:
        return ()
