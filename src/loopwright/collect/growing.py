"""A conversation that came before: whether what came now is all there already, or went on since."""

from __future__ import annotations

from dataclasses import replace

from loopwright.collect.trace import Trace


def told_already(held: Trace, trace: Trace) -> bool:
    """Whether the trace that is held tells all that this one does: the same, with feedback on it, or a conversation gone on."""
    count = len(trace.messages)
    if 0 < count < len(held.messages):
        return held.messages[:count] == trace.messages
    if any(verdict not in held.feedback for verdict in trace.feedback):
        return False
    return replace(held, feedback=()) == replace(trace, feedback=())


def went_on(held: Trace, trace: Trace) -> bool:
    """Whether this trace is the one that is held, gone on: it begins with all that was said in it, and then says more.

    Where no more was said, it may tell more of it, but not that it was another session, agent or version.
    """
    if not held.messages or trace.messages[: len(held.messages)] != held.messages:
        return False
    return len(trace.messages) > len(held.messages) or _who(trace) == _who(held)


def _who(trace: Trace) -> tuple[str | None, ...]:
    return trace.session_id, trace.agent, trace.version
