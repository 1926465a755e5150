"""Guards around the tools of an agent of the OpenAI Agents SDK.

    from loopwright.agent.openai_agents import guarded

    Agent(name="desk", tools=[guarded(get_order), guarded(issue_refund)])

A session is what `tracing.session(...)` names around the run, else the `group_id` of the SDK's trace, else one run. Where a guard
that enforces stops a call, `{"blocked": reason}` is the tool's output; where it answers for the tool, that is.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from loopwright.agent import guarding
from loopwright.agent.tracing import current_session_id
from loopwright.guards.harness import GuardedSession

if TYPE_CHECKING:
    from agents import FunctionTool
    from agents.tool_context import ToolContext

_NO_TRACE = "no-op"
"""The id of every trace where the SDK's tracing is off."""


def guarded(tool: FunctionTool) -> FunctionTool:
    """The tool, under the process's harness."""
    invoke = tool.on_invoke_tool

    async def on_invoke_tool(context: ToolContext[Any], arguments: str) -> Any:
        session = _session()
        if session is None:
            return await invoke(context, arguments)
        call = guarding.ToolCall(tool.name, _decoded(arguments), context.tool_call_id)
        decision = guarding.before(session, call)
        if decision.action != "allow":
            return guarding.blocked(decision) if decision.action == "block" else decision.replacement
        try:
            result = await invoke(context, arguments)
        except Exception as error:
            guarding.after(session, call, None, f"{type(error).__name__}: {error}")
            raise
        guarding.after(session, call, result)
        return result

    return dataclasses.replace(tool, on_invoke_tool=on_invoke_tool)


def _session() -> GuardedSession | None:
    from agents.tracing import get_current_trace  # noqa: PLC0415 (a framework's middleware brings the framework)

    running = get_current_trace()
    run_id = None if running is None or running.trace_id in ("", _NO_TRACE) else running.trace_id
    return guarding.found(current_session_id() or getattr(running, "group_id", None), run_id)


def _decoded(arguments: str) -> Any:
    try:
        return json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments
