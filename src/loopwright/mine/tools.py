"""Detectors of hard errors: what tools, arguments and the trace itself report."""

from __future__ import annotations

from collections.abc import Iterator

from loopwright.audit.digest import canonical
from loopwright.collect.trace import Trace
from loopwright.mine.detector import Context
from loopwright.mine.masking import mask
from loopwright.mine.reading import ToolUse
from loopwright.mine.signal import FailureSignal, Signal, Where
from loopwright.mine.tool_text import error_in
from loopwright.mine.wording import clip

HARD = FailureSignal.HARD_ERROR
_NOTHING = frozenset({"[]", "{}", "null", "None", "()", '""'})
SAID_BY_AGENT = 0.5
"""How much less an error counts that stands in a message rather than in a tool's result."""


def tool_errors(trace: Trace, context: Context) -> Iterator[Signal]:
    """A tool result that is an error, also when it only says so as text.

    Severity is 0.35 where the same tool succeeds later, 0.6 where it does not, and 0.8 where it was the last tool call.
    """
    uses = context.reading.tools
    for at, use in enumerate(uses):
        error = use.failure
        if error is None or error.unknown_tool:
            continue
        later = any(u.name == use.name and u.failure is None for u in uses[at + 1 :])
        severity = 0.35 if later else 0.8 if at == len(uses) - 1 else 0.6
        name = use.name or "a tool"
        yield Signal(
            HARD,
            "tool_error",
            severity,
            error.confidence,
            f"{name} answered with an error{', and worked later' if later else ''}: {clip(error.message)}",
            _at(use),
            summary=f"{name}: {mask(error.message)}",
        )


def unknown_tools(trace: Trace, context: Context) -> Iterator[Signal]:
    """A call of a tool that does not exist: it is not among those offered, or the answer says so."""
    offered = context.reading.offered
    for use in context.reading.tools:
        error = use.failure
        said = error is not None and error.unknown_tool
        missing = bool(offered) and bool(use.name) and use.name not in offered and use.index is not None
        if said or missing:
            known = f"; it was offered {len(offered)} others" if missing else ""
            yield Signal(
                HARD,
                "unknown_tool",
                0.7,
                0.9 if said else 0.6,
                f"the agent called {use.name or 'a tool'}, which does not exist{known}",
                _at(use),
                summary="the agent called a tool that does not exist",
            )


def malformed_arguments(trace: Trace, context: Context) -> Iterator[Signal]:
    """A call whose arguments are no JSON object though its tool takes one, or which begin as JSON and do not end as such."""
    structured = {use.name for use in context.reading.tools if isinstance(use.arguments, dict)}
    for use in context.reading.tools:
        if not isinstance(use.arguments, str) or not use.arguments.strip():
            continue
        broken = use.arguments.lstrip()[:1] in "{["
        if broken or use.name in structured:
            yield Signal(
                HARD,
                "malformed_arguments",
                0.6,
                0.9 if broken else 0.6,
                f"the arguments of {use.name} are not valid JSON: {clip(use.arguments, 80)}",
                Where(use.span_ids, use.index),
                summary=f"{use.name}: arguments are not valid JSON",
            )


def repeated_calls(trace: Trace, context: Context) -> Iterator[Signal]:
    """The same tool called again with the same arguments and the same result, or over and over while it fails.

    A repeat whose result differs is polling, and one after another tool changed something is a fresh look: neither counts.
    """
    seen: dict[str, tuple[int, str | None]] = {}
    failing: dict[str, int] = {}
    for use in context.reading.tools:
        if not use.name or (use.index is None and not use.span_ids):
            continue
        key = f"{use.name} {canonical(use.arguments)}"
        failed = use.failure is not None
        failing[use.name] = failing.get(use.name, 0) + 1 if failed else 0
        count, result = seen.get(key, (0, None))
        same = count > 0 and (use.result or "") == (result or "")
        count = count + 1 if same or count == 0 else 1
        seen[key] = (count, use.result)
        if same:
            yield _repeat(use, count, failed)
        elif failing[use.name] >= 3:
            yield Signal(
                HARD,
                "repeated_call",
                0.6,
                0.7,
                f"{use.name} failed {failing[use.name]} times in a row, with other arguments each time",
                _at(use),
                summary=f"{use.name} is called again and again while it fails",
            )


def _repeat(use: ToolUse, count: int, failed: bool) -> Signal:
    confidence = 0.8 if failed or count > 2 else 0.5 if use.result else 0.35
    what = "the same error" if failed else "the same result"
    return Signal(
        HARD,
        "repeated_call",
        0.6 if failed or count > 2 else 0.4,
        confidence,
        f"{use.name} was called {count} times with the same arguments and gave {what}",
        _at(use),
        summary=f"{use.name} is called again with the same arguments",
    )


def unanswered_calls(trace: Trace, context: Context) -> Iterator[Signal]:
    """A tool call that got no result though others did, or a result that holds nothing.

    Blank text counts only where the tool answers with something at other times: many tools say nothing when they are done.
    """
    uses = context.reading.tools
    speaking = {use.name for use in uses if use.result and use.result.strip()}
    for use in uses:
        found = _no_answer(use, speaking)
        if found is not None:
            what, confidence = found
            yield Signal(
                HARD, "unanswered_call", 0.5, confidence, f"{use.name or 'a tool'} {what}", _at(use),
                summary=f"{use.name or 'a tool'} {what}",
            )  # fmt: skip


def _no_answer(use: ToolUse, speaking: set[str]) -> tuple[str, float] | None:
    if use.error:
        return None
    if use.result is None:
        return ("was called and never answered", 0.3) if speaking and use.index is not None else None
    text = use.result.strip()
    if text in _NOTHING:
        return "found nothing", 0.3
    return ("answered with nothing", 0.4) if not text and use.name in speaking else None


def trace_errors(trace: Trace, context: Context) -> Iterator[Signal]:
    """What the tracer recorded as failed: the trace as a whole, or a step of it that is no tool call, such as a validator."""
    if trace.error:
        place = context.reading.last_index
        yield Signal(
            HARD, "trace_error", 0.9, 0.95, f"the trace ended with an error: {clip(trace.error)}", Where((), place),
            summary=f"the trace ended with an error: {mask(trace.error[:200])}",
        )  # fmt: skip
    for step in trace.steps:
        if step.error and step.kind != "tool":
            what = "validator" if step.kind == "guardrail" else f"{step.kind} step"
            yield Signal(
                HARD, "trace_error", 0.7, 0.9, f"the {what} {step.name} failed: {clip(step.error)}", Where((step.span_id,)),
                summary=f"{what} {step.name}: {mask(step.error[:200])}",
            )  # fmt: skip


def execution_errors(trace: Trace, context: Context) -> Iterator[Signal]:
    """A run of code or of a command that failed, reported in a message because the agent has no tool messages."""
    reading = context.reading
    first = min((u.index for u in reading.users), default=-1)
    for said in sorted((*reading.users, *reading.agents), key=lambda u: u.index):
        if said.index == first or not _looks_like_output(said.text):
            continue
        error = error_in(said.text)
        if error is not None and error.confidence >= 0.8:
            yield Signal(
                HARD, "execution_error", 0.5, error.confidence * SAID_BY_AGENT,
                f"code or a command failed: {clip(error.message)}", Where((), said.index),
                summary=f"code or a command failed: {mask(error.message)}",
            )  # fmt: skip


def _looks_like_output(text: str) -> bool:
    head = text[:80].lstrip().lower()
    return head.startswith(("exitcode", "exit code", "traceback", "error", "execution", "code output", "stderr", '{"error'))


def _at(use: ToolUse) -> Where:
    return Where(use.span_ids, use.place)
