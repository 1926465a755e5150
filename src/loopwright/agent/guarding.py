"""The harness around a user's tools, whatever framework calls them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from threading import Lock
from typing import Any, NamedTuple

from opentelemetry import trace

from loopwright.agent.genai_messages import as_json
from loopwright.errors import LoopwrightError
from loopwright.guards.guard import GuardDecision
from loopwright.guards.harness import GuardedSession, Harness
from loopwright.guards.harness_file import load_sound

EVENT = "loopwright.guard"
"""The name of the span event that tells what a guard said."""

FAULT = "loopwright.harness.fault"
"""The attribute of a conversation's first span that tells which guards do not run, since their table cannot be taken."""

KEPT_RUNS = 4096

_log = logging.getLogger("loopwright")
_current: ContextVar[GuardedSession | None] = ContextVar("loopwright_session", default=None)
_harness: Harness | None = None
_runs: dict[str, Harness] = {}
_lock = Lock()
_numbers = count()


class ToolCall(NamedTuple):
    """A call of a tool: its name, its arguments, and the id that the model gave it."""

    name: str
    arguments: Any
    id: str = ""


class BlockedError(LoopwrightError):
    """A guard that enforces stopped a tool call or an answer; the text is its reason, for the agent's model to read."""


def use(harness: Harness | None) -> None:
    """Run tools under this harness from now on, in the whole process; None is what `load_sound` finds when first needed."""
    global _harness  # noqa: PLW0603 (the process's harness)
    _harness = harness
    for fault in harness.faults if harness is not None else ():
        _log.error("a guard does not run: %s", fault)


def harness() -> Harness:
    """The harness of the process: the one given, else what `load_sound` finds; without guards where it finds none.

    A file that cannot be taken never stops the agent: what is sound in it runs, and the rest is logged as an error and told on
    spans (`FAULT`).
    """
    if _harness is None:
        use(load_sound())
    assert _harness is not None
    return _harness


def tell_faults(span: trace.Span) -> None:
    """Tell on a span which guards of the process's harness do not run, where there are any; nothing is loaded for it."""
    if _harness is not None and _harness.faults:
        span.set_attribute(FAULT, "; ".join(_harness.faults))


def current_session() -> GuardedSession | None:
    """The guarded session that runs here: for an agent's own loop, to show it the model's calls."""
    return _current.get()


@contextmanager
def guarded(session_id: str | None) -> Iterator[GuardedSession | None]:
    """Run under the harness's session of that id; without an id, under one that ends here. None where there are no guards.

    One that runs already, in this context, is kept.
    """
    running, guards = _current.get(), harness()
    tell_faults(trace.get_current_span())
    if running is not None or not guards.guards:
        yield running
        return
    id = f"run-{next(_numbers)}" if session_id is None else session_id
    token = _current.set(guards.session(id))
    try:
        yield _current.get()
    finally:
        _current.reset(token)
        if session_id is None:
            guards.end(id)


def found(session_id: str | None, run_id: str | None) -> GuardedSession | None:
    """The session for one tool call that a framework makes: the one that runs here, else that of the id, else that of the run.

    A run's session is kept until `KEPT_RUNS` others came after it; without any id a call stands by itself. None where there are
    no guards.
    """
    running, guards = _current.get(), harness()
    if running is not None or not guards.guards:
        return running
    if session_id is not None:
        return guards.session(session_id)
    if run_id is None:
        return Harness(guards.guards).session("")
    with _lock:
        _runs.pop(run_id, None)
        _runs[run_id] = guards
        while len(_runs) > KEPT_RUNS:
            oldest = next(iter(_runs))
            _runs.pop(oldest).end(oldest)
    return guards.session(run_id)


def before(session: GuardedSession, call: ToolCall, span: trace.Span | None = None) -> GuardDecision:
    """What to do with a tool call; what the guards said is told by `span`, by default the current one."""
    heard = len(session.records)
    decision = session.tool_call(call.name, call.arguments, call.id)
    tell(session, heard, span)
    return decision


def blocked(decision: GuardDecision) -> str:
    """What an agent's model is told in place of the result of a call that was stopped: not that the tool failed, but why."""
    return as_json({"blocked": decision.reason})


def after(session: GuardedSession, call: ToolCall, result: Any, error: str | None = None, span: trace.Span | None = None) -> None:
    """A tool has run, and gave `result`, or failed with `error`."""
    heard = len(session.records)
    session.tool_result(call.name, call.arguments, result, error, call.id)
    tell(session, heard, span)


def tell(session: GuardedSession, heard: int, span: trace.Span | None = None) -> None:
    """Add what the guards said since their record `heard` to a span, by default the current one."""
    span = span or trace.get_current_span()
    for record in session.records[heard:]:
        said: Mapping[str, str | bool] = {
            "loopwright.guard.name": record.guard,
            "loopwright.guard.mode": record.mode,
            "loopwright.guard.event": record.event.kind,
            "loopwright.guard.action": record.decision.action,
            "loopwright.guard.reason": record.fault or record.decision.reason,
            "loopwright.guard.acted": record.acted,
        }
        span.add_event(EVENT, said)
