"""The detectors that ship: none needs a model, and any may be left out or joined by others."""

from __future__ import annotations

from loopwright.mine import dissatisfaction, tools, users
from loopwright.mine.detector import Detector
from loopwright.mine.signal import FailureSignal
from loopwright.registry import Registry

_HARD, _USER, _LEFT = FailureSignal.HARD_ERROR, FailureSignal.USER_CORRECTION, FailureSignal.ABANDONMENT

SHIPPED: tuple[Detector, ...] = (
    Detector("tool_error", _HARD, "a tool result that is an error, also when it only says so as text", tools.tool_errors),
    Detector("unknown_tool", _HARD, "a call of a tool that does not exist", tools.unknown_tools),
    Detector("malformed_arguments", _HARD, "a tool call whose arguments are not valid JSON", tools.malformed_arguments),
    Detector(
        "repeated_call",
        _HARD,
        "identical tool calls repeated, or a tool called on while it fails",
        tools.repeated_calls,
    ),
    Detector("unanswered_call", _HARD, "a tool call that got no result, or an empty one", tools.unanswered_calls),
    Detector("trace_error", _HARD, "a trace or a step that the tracer recorded as failed", tools.trace_errors),
    Detector("execution_error", _HARD, "code or a command that failed, as told in a message", tools.execution_errors),
    Detector("user_correction", _USER, "the user corrects the agent", users.corrections),
    Detector("user_refusal", _USER, "the user refuses what the agent offers or reads back", users.refusals),
    Detector("user_reask", _USER, "the user asks the same again", users.reasks, users.reask_texts),
    Detector("human_request", _USER, "the user asks for a person", users.person_requests),
    Detector("negative_feedback", _USER, "explicit feedback against the trace, from a person or an evaluation", users.feedback),
    Detector("unresolved_end", _LEFT, "the conversation ends unresolved", dissatisfaction.unresolved_end),
    Detector("frustration", _LEFT, "the user sounds frustrated", dissatisfaction.frustration),
    Detector("unmet_confirmation", _LEFT, "the user agrees, and the agent does nothing", dissatisfaction.unmet_confirmations),
    Detector("agent_admission", _LEFT, "the agent admits a mistake, or says that it failed", dissatisfaction.agent_admissions),
    Detector("agent_loop", _LEFT, "the agent says the same again, or nearly the same", dissatisfaction.agent_loops),
    Detector("unusual_effort", _LEFT, "the conversation took more than is usual for the agent", dissatisfaction.unusual_effort),
)


def shipped() -> Registry[Detector]:
    """A new registry that holds the shipped detectors, to which others may be added."""
    registry: Registry[Detector] = Registry("detector")
    for detector in SHIPPED:
        registry.add(detector.name, detector)
    return registry
