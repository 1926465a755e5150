"""Checks of what was done: tool_called, tool_not_called, exact_calls, not_exact_calls, no_repeated_calls.

They need a target that answers with messages.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.intake import shown
from loopwright.evaluate.acts import paired
from loopwright.evaluate.check import Answer, CheckType, Verdict
from loopwright.evaluate.data_checks import includes
from loopwright.evaluate.shape import AnyMapping, Field, Flag, ListOf, Record, Text, Whole
from loopwright.mine.reading import ToolUse


def _matching(answer: Answer, options: dict[str, Any]) -> list[ToolUse]:
    uses = (use for use in answer.tool_uses if use.failure is None) if options.get("succeeded") else answer.tool_uses
    return [use for use in uses if _is_call(use, options)]


def _is_call(use: ToolUse, options: dict[str, Any]) -> bool:
    wanted = options.get("arguments", {})
    return use.name == options["name"] and (not wanted or includes(use.arguments, wanted))


def _tool_called(answer: Answer, options: dict[str, Any]) -> Verdict:
    times = len(_matching(answer, options))
    low, high = _limits(options)
    return low <= times and (high is None or times <= high), _told(answer, options, times)


def _tool_not_called(answer: Answer, options: dict[str, Any]) -> Verdict:
    times = len(_matching(answer, options))
    return times == 0, _told(answer, options, times)


def _told(answer: Answer, options: dict[str, Any], times: int) -> str:
    called = ", ".join(sorted({use.name for use in answer.tool_uses})) or "none"
    arguments = f" with {shown(options['arguments'])}" if options.get("arguments") else ""
    return f"{options['name']}{arguments} was {_often(times)} (tools called: {called})"


def _limits(options: dict[str, Any]) -> tuple[int, int | None]:
    if "count" in options:
        return options["count"], options["count"]
    high = options.get("max")
    return options.get("min", 1 if high is None else min(1, high)), high


def _called_fault(options: dict[str, Any]) -> str | None:
    if "count" in options and ("min" in options or "max" in options):
        return "tool_called has count and also min or max; give count alone, or min and max"
    low, high = _limits(options)
    if high is not None and low > high:
        return f"tool_called has min {low} above max {high}"
    return None


def _exact_calls(answer: Answer, options: dict[str, Any]) -> Verdict:
    tools = set(options.get("tools", ())) | {call["name"] for call in options["calls"]}
    made = [use for use in answer.tool_uses if use.name in tools and use.failure is None]
    told = ", ".join(f"{use.name} with {shown(use.arguments)}" for use in made) or "none"
    return paired(
        options["calls"], made, lambda call, use: _is_call(use, call)
    ), f"calls made to {', '.join(sorted(tools))}: {told}"


def _not_exact_calls(answer: Answer, options: dict[str, Any]) -> Verdict:
    same_calls, reason = _exact_calls(answer, options)
    return not same_calls, reason


def _calls_fault(options: dict[str, Any]) -> str | None:
    if not options["calls"] and not options.get("tools"):
        return "calls is empty and no tools are named, so that nothing is checked; name the tools"
    return None


_SOMETHING: dict[str, Any] = {
    "anyOf": [
        {"properties": {"calls": {"minItems": 1}}},
        {"properties": {"tools": {"minItems": 1}}, "required": ["tools"]},
    ]
}


def _no_repeated_calls(answer: Answer, options: dict[str, Any]) -> Verdict:
    allowed = options.get("max", 1)
    name = options.get("name")
    counts = Counter(_call(use) for use in answer.earlier_tool_uses)
    worst, most = "", 0
    for use in answer.tool_uses:
        counts[_call(use)] += 1
        if (name is None or use.name == name) and counts[_call(use)] > most:
            worst, most = use.name, counts[_call(use)]
    if most <= allowed:
        return True, f"no call was made more than {_count(allowed)}"
    return False, f"{worst} was called {_count(most)} with the same arguments; {allowed} allowed"


def _often(times: int) -> str:
    return f"called {_count(times)}" if times else "not called"


def _count(times: int) -> str:
    return "once" if times == 1 else f"{times} times"


def _call(use: ToolUse) -> str:
    return canonical([use.name, use.arguments])


_NAME = Field("name", Text(), "the tool's name, exactly", required=True)
_ARGUMENTS = Field("arguments", AnyMapping(), "arguments that the call has; it may have more")
_SUCCEEDED = Field("succeeded", Flag(), "whether only calls count that did not end with an error (default: no)")
_CALLS = (
    Field("calls", ListOf(Record((_NAME, _ARGUMENTS))), "the calls, in any order; may be empty", required=True),
    Field("tools", ListOf(Text()), "the tools whose calls count (default: those in calls)"),
)

TOOL_CHECKS = (
    CheckType(
        "tool_called",
        "The agent called this tool.",
        (
            _NAME,
            _ARGUMENTS,
            Field("count", Whole(low=0), "exactly this often"),
            Field("min", Whole(low=0), "at least this often (default: 1)"),
            Field("max", Whole(low=0), "at most this often"),
            _SUCCEEDED,
        ),
        _tool_called,
        _called_fault,
    ),
    CheckType("tool_not_called", "The agent did not call this tool.", (_NAME, _ARGUMENTS, _SUCCEEDED), _tool_not_called),
    CheckType(
        "exact_calls",
        "Of these tools the agent made exactly these calls; calls that ended with an error do not count.",
        _CALLS,
        _exact_calls,
        _calls_fault,
        (_SOMETHING,),
    ),
    CheckType(
        "not_exact_calls",
        "Of these tools the agent made not exactly these calls; calls that ended with an error do not count.",
        _CALLS,
        _not_exact_calls,
        _calls_fault,
        (_SOMETHING,),
    ),
    CheckType(
        "no_repeated_calls",
        "The agent made no call again and again with the same arguments; calls in the input count.",
        (
            Field("name", Text(), "only this tool (default: every tool)"),
            Field("max", Whole(low=1), "how often the same call may be made (default: 1)"),
        ),
        _no_repeated_calls,
    ),
)
