"""Guards around the tools of a LangGraph agent.

    from loopwright.agent.langgraph import aguard_tool_call, guard_tool_call

    ToolNode(tools, wrap_tool_call=guard_tool_call, awrap_tool_call=aguard_tool_call)

A session is a thread (`thread_id`), without one the run's trace. Where a guard that enforces stops a call, its reason is the
tool's message, marked as an error; where it answers for the tool, that is the tool's message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

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


def _instead(session: GuardedSession, request: ToolCallRequest) -> ToolMessage | None:
    """The message of a guard that stops the call, or answers it."""
    from langchain_core.messages import ToolMessage  # noqa: PLC0415 (a framework's middleware brings the framework)

    call = request.tool_call
    id = call["id"] or ""
    decision = guarding.before(session, call["name"], call["args"], id)
    if decision.action == "allow":
        return None
    if decision.action == "block":
        return ToolMessage(decision.reason, name=call["name"], tool_call_id=id, status="error")
    return ToolMessage(as_text(decision.replacement), name=call["name"], tool_call_id=id)


def _failed(session: GuardedSession, request: ToolCallRequest, error: Exception) -> None:
    call = request.tool_call
    guarding.after(session, call["name"], call["args"], None, f"{type(error).__name__}: {error}", call["id"] or "")


def _ran(session: GuardedSession, request: ToolCallRequest, result: Any) -> Any:
    """Show the guards what came of a call; a message marked as an error is one."""
    call = request.tool_call
    content = getattr(result, "content", result)
    error = str(content) if getattr(result, "status", None) == "error" else None
    guarding.after(session, call["name"], call["args"], None if error else content, error, call["id"] or "")
    return result
