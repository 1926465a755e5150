"""From signals to failures, best first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopwright.collect.trace import Message, Trace
from loopwright.mine.detector import Detection, Detector, DetectorFault, detect_all
from loopwright.mine.peers import Peers, fit
from loopwright.mine.policy import WEIGHTS, by_strength, combined_severity, score, strength
from loopwright.mine.reading import Reading, ToolUse, plain, roles
from loopwright.mine.signal import FailureSignal, FailureTrace, Signal
from loopwright.mine.speech import closing, spoken

REASONS = 2
"""A failure's reason names at most this many kinds of evidence."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A batch divided: `failures`, best first; `sound`, the traces in which nothing was found, by id; which detectors failed.

    `going_on` is of how many traces the session may go on, so that their ends were not looked at.
    """

    failures: tuple[FailureTrace, ...]
    sound: tuple[Trace, ...] = ()
    faults: tuple[DetectorFault, ...] = ()
    going_on: int = 0


def mine(
    traces: Sequence[Trace],
    detectors: Iterable[Detector],
    *,
    weights: Mapping[FailureSignal, float] = WEIGHTS,
    vectors: Mapping[str, Any] | None = None,
    peers: Peers | None = None,
    open_sessions: Collection[str] = (),
) -> Mined:
    """Find and rank the failures in a batch of traces.

    `peers` is what each trace's effort is compared with; fitted from the batch where not given. `vectors` holds the embeddings
    that the detectors' `needs` asked for. How a trace ends is not looked at in `open_sessions`. The result does not depend on the
    order of `traces`.
    """
    detectors = tuple(detectors)
    peers = fit(traces) if peers is None else peers
    failures: list[FailureTrace] = []
    sound: list[Trace] = []
    faults: list[DetectorFault] = []
    for trace in traces:
        detection = detect_all(trace, detectors, peers, vectors, going_on=trace.session_id in open_sessions)
        failure = failure_of(trace, detection, weights)
        if failure is None:
            sound.append(trace)
        else:
            failures.append(failure)
        faults.extend(detection.faults)
    sound.sort(key=lambda t: t.trace_id)
    faults.sort(key=lambda f: (f.detector, f.trace_id))
    going_on = sum(trace.session_id in open_sessions for trace in traces)
    return Mined(ranked(failures), tuple(sound), tuple(faults), going_on)


def ranked(failures: Iterable[FailureTrace]) -> tuple[FailureTrace, ...]:
    """Best first: by score, then severity, then trace id."""
    return tuple(sorted(failures, key=lambda f: (-f.score, -f.severity, f.trace_id)))


def failure_of(trace: Trace, detection: Detection, weights: Mapping[FailureSignal, float] = WEIGHTS) -> FailureTrace | None:
    """One trace with what was found in it, and all that is needed to understand it; None where nothing was found.

    `input_payload` has `input`, what the user said last before the strongest signal, and `request`, what the user said first.
    `context_snapshot` has the conversation, the tools and the trace's attributes, whole.
    """
    signals = detection.signals
    leading = by_strength(signals, weights)
    if not leading or strength(leading[0], weights) == 0:
        return None
    pinned, reading = leading[0].where.message_index, detection.reading
    return FailureTrace(
        trace_id=trace.trace_id,
        timestamp=trace.started_at,
        signal_type=leading[0].type,
        input_payload=input_payload(trace, pinned),
        reasoning_steps=_reasoning(trace, reading),
        final_output=_final_output(trace),
        failure_reason=_reason(leading),
        context_snapshot=context_snapshot(trace, reading, pinned),
        severity=combined_severity(signals),
        score=score(signals, weights),
        signals=signals,
        session_id=trace.session_id,
        agent=trace.agent,
        version=trace.version,
    )


def _reason(leading: Sequence[Signal]) -> str:
    seen: dict[str, str] = {}
    for signal in leading:
        told = signal.summary or signal.reason
        seen.setdefault(signal.detector, f"{told}: {signal.words}" if signal.words else told)
    return "; ".join(list(dict.fromkeys(seen.values()))[:REASONS])


def input_payload(trace: Trace, pinned: int | None = None) -> dict[str, Any]:
    """`input`, what the user said last at or before the message `pinned`, and `request`, what the user said first.

    Thanks and goodbyes are no input where anything else was said, and marks of the end are left out.
    """
    said = _said(trace, "user")
    if not said:
        return {"input": "", "request": ""}
    before = [text for i, text in said if pinned is not None and i <= pinned]
    last = before[-1] if before else said[0][1]
    return {"input": next((text for text in reversed(before) if not closing(plain(text))), last), "request": said[0][1]}


def context_snapshot(trace: Trace, reading: Reading, pinned: int | None = None) -> dict[str, Any]:
    """The state at failure time, whole: the conversation, the tools offered and used, the attributes, the message pinned."""
    return {
        "messages": [_plain_message(m) for m in trace.messages],
        "tools": {"offered": sorted(reading.offered), "used": sorted({u.name for u in reading.tools if u.name})},
        "attributes": trace.attributes,
        "message_index": pinned,
    }


def _final_output(trace: Trace) -> str:
    said = _said(trace, "agent")
    return said[-1][1] if said else ""


def _said(trace: Trace, role: str) -> list[tuple[int, str]]:
    who = roles(trace.messages)
    texts = ((i, spoken(m.text)) for i, m in enumerate(trace.messages) if who[i] == role)
    return [(i, text) for i, text in texts if text.strip()]


def _reasoning(trace: Trace, reading: Reading) -> list[dict[str, Any]]:
    """The tool calls with their results, then the other steps that the trace tells of, each in order."""
    calls = [_plain_use(use) for use in reading.tools]
    others = [
        {"kind": s.kind, "name": s.name, "input": s.input, "result": s.output, "error": s.error, "span_ids": [s.span_id]}
        for s in trace.steps
        if s.kind not in ("tool", "model")
    ]
    return calls + others


def _plain_use(use: ToolUse) -> dict[str, Any]:
    return {
        "kind": "tool",
        "name": use.name,
        "arguments": use.arguments,
        "result": use.result,
        "error": use.failure.message if use.failure is not None else None,
        "message_index": use.index,
        "span_ids": list(use.span_ids),
    }


def _plain_message(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        row["tool_calls"] = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in message.tool_calls]
    if message.tool_call_id:
        row["tool_call_id"] = message.tool_call_id
    if message.name:
        row["name"] = message.name
    return row
