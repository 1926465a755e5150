"""no_signal: what mining looks for in production, looked for in an answer."""

from __future__ import annotations

from typing import Any

from loopwright.collect.trace import Trace
from loopwright.evaluate.check import Answer, CheckType, Verdict
from loopwright.evaluate.shape import Choice, Field
from loopwright.mine.detector import Context
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.reading import read

ANSWERABLE = (
    "tool_error", "unknown_tool", "malformed_arguments", "repeated_call", "unanswered_call", "execution_error", "agent_admission",
    "agent_loop",
)  # fmt: skip
"""Detectors that need nothing but the agent's own messages: what the user says next is not in an answer."""

_DETECTORS = {detector.name: detector for detector in SHIPPED if detector.name in ANSWERABLE}
_SURE = 0.5


def _no_signal(answer: Answer, options: dict[str, Any]) -> Verdict:
    messages = (*answer.history, *answer.messages)
    trace = Trace(answer.case.id, messages=messages)
    found = [
        signal
        for signal in _DETECTORS[options["detector"]].detect(trace, Context(reading=read(trace)))
        if signal.confidence >= _SURE and (signal.where.message_index or 0) >= len(answer.history)
    ]
    return not found, found[0].reason if found else f"{options['detector']} found nothing"


SIGNAL_CHECKS = (
    CheckType(
        "no_signal",
        "A detector of mining finds nothing in the answer that it is sure of (confidence 0.5 or more).",
        (Field("detector", Choice(tuple(_DETECTORS)), "the detector; see the reference of signals", required=True),),
        _no_signal,
    ),
)
