"""A trace, read once for all detectors: who said what, and which tool was called with what result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.trace import Message, Step, ToolCall, Trace
from loopwright.mine.agent_wording import DECLINES_BY_RULE
from loopwright.mine.speech import spoken
from loopwright.mine.tool_text import ErrorText, error_in, recorded_error

SPOKEN_LIMIT = 4000
"""Wording is read in the first characters of a message only: a pasted document is not how a user talks."""

AFTER_A_RULE = 0.2
"""How much displeasure counts once the agent has declined by a rule: it may be with the rule."""

_USER_ROLES = frozenset({"user", "human", "customer"})
_TOOL_ROLES = frozenset({"tool", "function", "ipython", "environment"})
_SILENT_ROLES = frozenset({"system", "developer"})
_TYPOGRAPHY = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})
_BLANKS = re.compile(r"\s+")
_TOOL_LISTS = ("tools", "available_tools", "functions", "tool_definitions")


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something said: its message's index, the text without marks of the end, and the same in plain form.

    `plain` is in lower case, with plain quotes and single blanks. `before` is what the other side said last before
    it, plain too; empty at the start.
    """

    index: int
    text: str
    plain: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call and its result.

    `index` and `result_index` are message indices, None where the trace has spans only. `result` is None where no answer is on
    record; `error` is what the tracer recorded as an error; `failure` is the error that the call ended with, recorded or told as
    text, None where it went well.
    """

    name: str
    arguments: Any = None
    index: int | None = None
    result_index: int | None = None
    result: str | None = None
    error: str | None = None
    span_ids: tuple[str, ...] = ()
    failure: ErrorText | None = None

    @property
    def place(self) -> int | None:
        """The message to point at: the result, or the call that got none."""
        return self.index if self.result_index is None else self.result_index


@dataclass(frozen=True, slots=True)
class Reading:
    """One trace as the detectors see it.

    `offered` names the tools that the agent was given, where the trace tells. `declined_at` is the first message in which the
    agent declines by a rule: displeasure after it may be with the rule, and says less about the agent.
    """

    users: tuple[Utterance, ...]
    agents: tuple[Utterance, ...]
    tools: tuple[ToolUse, ...]
    offered: frozenset[str]
    last_role: str
    last_index: int | None
    declined_at: int | None = None

    def credence(self, index: int | None) -> float:
        """What the confidence in displeasure at a message is multiplied by: less after the agent declined by a rule."""
        after = self.declined_at is not None and index is not None and index > self.declined_at
        return AFTER_A_RULE if after else 1.0


def read(trace: Trace) -> Reading:
    """Read a trace. Roles that are none of user, tool or system count as the agent's."""
    users: list[Utterance] = []
    agents: list[Utterance] = []
    last_role, last_index = "", None
    for index, (message, role) in enumerate(zip(trace.messages, roles(trace.messages), strict=True)):
        if role == "system":
            continue
        text = message.text if role != "tool" else ""
        said = plain(text)
        if text.strip() and not said and not message.tool_calls:
            continue  # a mark of the end, and no speech
        last_role, last_index = role, index
        if not said:
            continue
        own, other = (users, agents) if role == "user" else (agents, users)
        own.append(Utterance(index, spoken(text), said, other[-1].plain if other else ""))
    uses = [replace(use, failure=_failure(use)) for use in _with_steps(_from_messages(trace.messages), trace.steps)]
    declined_at = next((said.index for said in agents if DECLINES_BY_RULE.search(said.plain)), None)
    offered = offered_tools(trace.attributes)
    return Reading(tuple(users), tuple(agents), tuple(uses), offered, last_role, last_index, declined_at)


def _failure(use: ToolUse) -> ErrorText | None:
    if use.error:
        return recorded_error(use.error)
    return error_in(use.result) if use.result else None


def roles(messages: Sequence[Message]) -> list[str]:
    """Who speaks in each message: `user`, `agent`, `tool` or `system`.

    Where several agents talk under names of their own, frameworks give some of them the role of the user. There, only what begins
    the conversation and what bears a user's name is the user's.
    """
    found = [role_of(m) for m in messages]
    names = {m.name for m, role in zip(messages, found, strict=True) if m.name and role in ("user", "agent")}
    if len(names) > 1 and any(m.name and role == "agent" for m, role in zip(messages, found, strict=True)):
        begun = False
        for index, message in enumerate(messages):
            if found[index] == "user" and begun and message.name and message.name.lower() not in _USER_ROLES:
                found[index] = "agent"
            begun = begun or found[index] in ("user", "agent")
    return found


def role_of(message: Message) -> str:
    """`user`, `agent`, `tool` or `system`."""
    role = message.role.lower()
    if role in _USER_ROLES:
        return "user"
    if role in _TOOL_ROLES:
        return "tool"
    return "system" if role in _SILENT_ROLES else "agent"


def plain(text: str) -> str:
    """`text` in lower case, with plain quotes, single blanks, and without marks that only end the conversation."""
    head = spoken(text)[:SPOKEN_LIMIT]
    if not head.isascii():
        head = head.translate(_TYPOGRAPHY)
    return _BLANKS.sub(" ", head).strip().lower()


def offered_tools(attributes: Mapping[str, Any]) -> frozenset[str]:
    """The names of the tools listed in a trace's attributes, as names or as function definitions; empty where none are."""
    for key in _TOOL_LISTS:
        listed = attributes.get(key)
        if isinstance(listed, list | tuple):
            return frozenset(name for name in map(_tool_name, listed) if name)
    return frozenset()


def _tool_name(entry: Any) -> str:
    if isinstance(entry, Mapping):
        inner = entry.get("function")
        entry = entry.get("name") or (inner.get("name") if isinstance(inner, Mapping) else inner)
    return entry if isinstance(entry, str) else ""


def as_text(value: Any) -> str | None:
    """A result as text: text as it is, None as None, all else as JSON."""
    return value if value is None or isinstance(value, str) else canonical(value)


def _from_messages(messages: Sequence[Message]) -> list[ToolUse]:
    """Calls with their results, in order. Where several wait for an answer, by reused ids or by name, the last turn's come first.

    A turn is a run of messages that call: what an earlier turn left unanswered was mostly given up.
    """
    uses: list[ToolUse] = []
    waiting: list[tuple[int, ToolCall]] = []
    turn = 0
    for index, message in enumerate(messages):
        if message.tool_calls and not (index and messages[index - 1].tool_calls):
            turn = len(uses)
        for call in message.tool_calls:
            waiting.append((len(uses), call))
            uses.append(ToolUse(call.name, call.arguments, index))
        if role_of(message) != "tool":
            continue
        answered = [w for w in waiting if _answers(message, w[1])]
        found = next((w for w in answered if w[0] >= turn), answered[0] if answered else None)
        result = message.text if isinstance(message.content, str | list | tuple) else as_text(message.content) or ""
        if found is None:
            uses.append(ToolUse(message.name or "", None, None, index, result))
        else:
            waiting.remove(found)
            uses[found[0]] = replace(uses[found[0]], result_index=index, result=result)
    return uses


def _answers(result: Message, call: ToolCall) -> bool:
    if result.tool_call_id and call.id:
        return result.tool_call_id == call.id
    return not result.name or result.name == call.name


def _with_steps(uses: list[ToolUse], steps: Iterable[Step]) -> list[ToolUse]:
    """The same uses with what the spans know of them; tool spans that no message tells of are uses of their own."""
    free = list(range(len(uses)))
    for step in steps:
        if step.kind != "tool":
            continue
        same = [at for at in free if uses[at].name in (step.name, "")]
        match = next((at for at in same if uses[at].arguments == step.input), same[0] if same else None)
        result = as_text(step.output)
        if match is None:
            uses.append(ToolUse(step.name, step.input, None, None, result, step.error, (step.span_id,)))
            continue
        free.remove(match)
        use = uses[match]
        uses[match] = replace(
            use, span_ids=(step.span_id,), error=step.error, result=result if use.result is None else use.result
        )
    return uses
