"""Guards around the tools of a LangGraph agent.

    from loopwright.agent.langgraph import aguard_tool_call, guard_tool_call

    ToolNode(tools, wrap_tool_call=guard_tool_call, awrap_tool_call=aguard_tool_call)

A session is a thread (`thread_id`), without one the run's trace. Where a guard that enforces stops a call, `{"blocked":
reason}` is the tool's message, marked as an error; where it answers for the tool, that is the tool's message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from loopwright.agent import guarding
from loopwright.agent.genai_messages import as_text
from loopwright.agent.tracing import current_trace_id
from loopwright.guards.harness import GuardedSession

if TYPE_CHECKING:
    from langchain_core.messages import ToolMessage
    from langgraph.prebuilt.tool_node import ToolCallRequest


def guard_tool_call(request: ToolCallRequest, execute: Callable[[ToolCallRequest], Any]) -> Any:
    """A `wrap_tool_call` for `ToolNode` and for agents' middleware."""
    session = _session(request)
    if session is None:
        return execute(request)
    instead = _instead(session, request)
    if instead is not None:
        return instead
    try:
        result = execute(request)
    except Exception as error:
        _failed(session, request, error)
        raise
    return _ran(session, request, result)


async def aguard_tool_call(request: ToolCallRequest, execute: Callable[[ToolCallRequest], Awaitable[Any]]) -> Any:
    """An `awrap_tool_call` for `ToolNode` and for agents' middleware."""
    session = _session(request)
    if session is None:
        return await execute(request)
    instead = _instead(session, request)
    if instead is not None:
        return instead
    try:
        result = await execute(request)
    except Exception as error:
        _failed(session, request, error)
        raise
    return _ran(session, request, result)


def _session(request: ToolCallRequest) -> GuardedSession | None:
    config = getattr(request.runtime, "config", None) or {}
    thread = (config.get("configurable") or {}).get("thread_id")
    return guarding.found(None if thread is None else str(thread), current_trace_id())


def _span() -> trace.Span | None:
    """The span that OpenInference made for what runs here; it does not make it the current one."""
    try:
        from openinference.instrumentation.langchain import get_current_span  # noqa: PLC0415
    except ImportError:
        return None
    span: trace.Span | None = get_current_span()
    return span


def _call(request: ToolCallRequest) -> guarding.ToolCall:
    call = request.tool_call
    return guarding.ToolCall(call["name"], call["args"], call["id"] or "")


def _instead(session: GuardedSession, request: ToolCallRequest) -> ToolMessage | None:
    """The message of a guard that stops the call, or answers it."""
    from langchain_core.messages import ToolMessage  # noqa: PLC0415 (a framework's middleware brings the framework)

    call = _call(request)
    decision = guarding.before(session, call, _span())
    if decision.action == "allow":
        return None
    if decision.action == "block":
        return ToolMessage(guarding.blocked(decision), name=call.name, tool_call_id=call.id, status="error")
    return ToolMessage(as_text(decision.replacement), name=call.name, tool_call_id=call.id)


def _failed(session: GuardedSession, request: ToolCallRequest, error: Exception) -> None:
    guarding.after(session, _call(request), None, f"{type(error).__name__}: {error}", _span())


def _ran(session: GuardedSession, request: ToolCallRequest, result: Any) -> Any:
    """Show the guards what came of a call; a message marked as an error is one."""
    content = getattr(result, "content", result)
    error = str(content) if getattr(result, "status", None) == "error" else None
    guarding.after(session, _call(request), None if error else content, error, _span())
    return result
