"""Trials read as traces, so that a pattern is looked for in them as it is in production."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopwright.collect.conversation import read_messages
from loopwright.collect.trace import Message, Trace
from loopwright.errors import RecordError
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.result import EvalResult
from loopwright.improve.patterns.batch import observe
from loopwright.improve.patterns.detect import PATTERNS, look
from loopwright.improve.patterns.finding import SURE
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.detector import DetectorFault
from loopwright.mine.reading import offered_tools, role_of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What recorded traces tell of the agent and an answer does not: its instructions, and the tools that it is offered."""

    instructions: tuple[Message, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


def surroundings(reference: Sequence[Trace]) -> Surroundings:
    """The system messages that most traces begin with, and all tools that any was offered."""
    begun = Counter(opening for trace in reference if (opening := _opening(trace.messages)))
    texts = begun.most_common(1)[0][0] if begun else ()
    tools = sorted({name for trace in reference for name in offered_tools(trace.attributes)})
    return Surroundings(tuple(Message("system", text) for text in texts), {"tools": tools} if tools else {})


def trial_trace(case: EvalCase, result: EvalResult, trace_id: str, known: Surroundings) -> Trace | None:
    """The conversation of one trial as a trace; None where the reply tells no messages, or none that can be read.

    The input is put before messages that do not repeat it, and the known instructions before a conversation without any.
    """
    try:
        told = read_messages(result.messages)
    except RecordError:
        return None
    if not told:
        return None
    given = read_messages(case.input) if isinstance(case.input, list | tuple) else (Message("user", str(case.input)),)
    first = next((m.text.strip() for m in told if m.role == "user"), None)
    asked = next((m.text.strip() for m in given if m.role == "user"), None)
    messages = told if first is not None and first == asked else (*given, *told)
    if not _opening(messages):
        messages = (*known.instructions, *messages)
    return Trace(trace_id, messages, attributes=dict(known.attributes))


def failing(kind: ProposalKind, trials: Sequence[Trace], reference: Sequence[Trace]) -> dict[str, bool]:
    """By trial id, whether the pattern of that kind is found in it for sure; without those on which the detector failed.

    All trials are read in one batch with the `reference`, so that both sides are held to the same knowledge of the tools.
    """
    batch = observe([*reference, *trials])
    wanted = {trace.trace_id for trace in trials}
    looked = ((o.trace.trace_id, look(PATTERNS[kind], o, batch)) for o in batch.recorded if o.trace.trace_id in wanted)
    return {id: any(f.confidence >= SURE for f in found) for id, found in looked if not isinstance(found, DetectorFault)}


def _opening(messages: Sequence[Message]) -> tuple[str, ...]:
    """The texts of the system messages before anything else."""
    texts: list[str] = []
    for message in messages:
        if role_of(message) != "system":
            break
        texts.append(message.text)
    return tuple(texts)
