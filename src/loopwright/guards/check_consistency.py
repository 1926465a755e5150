"""The guard against answers that contradict the conversation: what the agent said before, or what its tools found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from loopwright.guards.claims import LONGEST, Statement, corrects_itself, differ, statements, values_in
from loopwright.guards.facts import Fact, against, facts_in
from loopwright.guards.figures import Figure, accounts_for, contradicts, figures
from loopwright.guards.guard import ALLOW, GuardDecision, GuardEvent, GuardMode
from loopwright.guards.outcome import as_text, failure
from loopwright.guards.tool_names import changes_something

MOST_SAID = 200
"""Statements remembered per session."""

MOST_HEARD = 60
"""Texts remembered per session."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A text that came up: an `agent`'s, a `user`'s, or a `tool`'s, at a place counted from 0 over the session."""

    at: int
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A statement of the agent, and the place up to which texts had come up when it was made."""

    statement: Statement
    at: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said and found since something last changed, what came up, and which calls wait for their results."""

    said: tuple[Said, ...] = ()
    figures: tuple[tuple[Figure, int], ...] = ()
    facts: Mapping[tuple[str, frozenset[str]], Fact] = field(default_factory=dict)
    heard: tuple[Heard, ...] = ()
    waiting: Mapping[str, str] = field(default_factory=dict)
    answered: bool = False
    objections: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckConsistency:
    """Stops an answer that contradicts an earlier one or a tool's result, naming both, or stands on a result that never came.

    Two statements are held against each other where they are about the same identifiers in nearly the same words; a difference
    counts in an amount, a date, a time, a number, a status, or in whether it is so. Nothing counts that was said before a call of
    a tool in `writes` (or whose name says that it changes something) succeeded, that users or tools have said since, or that the
    agent corrects openly. Figures that bear a name ("the refund of $20", "LX12 on May 3") are held against each other in whatever
    words they stand, over changes too, unless what users or tools said since accounts for the difference. `said`, `found` and
    `unanswered` switch the three comparisons. Each objection is made once: an agent that insists gets through.
    """

    mode: GuardMode = "shadow"
    said: bool = True
    found: bool = True
    unanswered: bool = True
    writes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`check_consistency`."""
        return "check_consistency"

    def initial(self) -> Conversation:
        """Nothing said."""
        return Conversation()

    def step(self, state: Conversation, event: GuardEvent, now: float) -> tuple[Conversation, GuardDecision]:
        """Take one event."""
        payload = event.payload
        content = payload.get("content")
        if event.kind == "message" and payload.get("role") == "user" and isinstance(content, str):
            return _hear(state, "user", content), ALLOW
        if event.kind == "tool_call":
            return replace(state, waiting={**state.waiting, _call(payload): as_text(payload.get("name"))}), ALLOW
        if event.kind == "tool_result":
            return self._result(state, payload), ALLOW
        if event.kind != "answer" or not isinstance(content, str):
            return state, ALLOW
        new = statements(content)
        objection = self._objection(state, content, new)
        if objection and objection not in state.objections:
            return replace(state, objections=state.objections | {objection}), GuardDecision("block", objection)
        state = _hear(state, "agent", content)
        kept = tuple(s for s in state.said if not any(differ(s.statement, n) for n in new))
        now_said = tuple(Said(statement, state.heard[-1].at) for statement in new)
        given = tuple((figure, state.heard[-1].at) for figure in figures(content)) if self.said else ()
        return replace(state, said=(*kept, *now_said)[-MOST_SAID:], figures=(*state.figures, *given)[-MOST_SAID:]), ALLOW

    def _result(self, state: Conversation, payload: Mapping[str, Any]) -> Conversation:
        name = as_text(payload.get("name"))
        waiting = {call: tool for call, tool in state.waiting.items() if call != _call(payload)}
        state = replace(state, waiting=waiting, answered=True)
        if failure(payload) is not None:
            return _hear(state, "tool", as_text(payload.get("error") or payload.get("result")))
        if name in self.writes or changes_something(name):
            state = replace(state, said=(), facts={})
        result = payload.get("result")
        fresh = {(id, fact.words): fact for fact in facts_in(result, name) for id in fact.ids} if self.found else {}
        return _hear(replace(state, facts={**state.facts, **fresh}), "tool", as_text(result))

    def _objection(self, state: Conversation, content: str, new: list[Statement]) -> str:
        if self.unanswered and state.waiting and state.answered:
            call, tool = next(iter(state.waiting.items()))
            told = f"the result of {tool} ({call[:60]}) never came, and the answer may stand on it"
            return f"{told}: call it again, or say that it is not known"
        if corrects_itself(content):
            return ""
        for statement in new:
            earlier = next((s for s in state.said if _contradicted(s, statement, state.heard)), None) if self.said else None
            if earlier is not None:
                return f"this contradicts what was said before. Before: “{earlier.statement.text}” Now: “{statement.text}”"
            fact = against(statement, state.facts) if self.found else None
            if fact is not None:
                field_ = f"{' '.join(sorted(fact.words))} {fact.value[1]}"
                return f"this contradicts what {fact.source} found ({field_}). Now: “{statement.text}”"
        return _other_figure(state, content) if self.said else ""


def _contradicted(said: Said, new: Statement, heard: Sequence[Heard]) -> bool:
    """Whether a new statement contradicts an earlier one, and nothing that came up in between accounts for it."""
    how = differ(said.statement, new)
    if not how:
        return False
    since = [h for h in heard if h.at > said.at and h.role != "agent"]
    if how == "value" and any(value in new.values for h in since for value in values_in(h.text)):
        return False
    if new.ids or (how == "polarity" and len(new.words) >= 4):
        return True
    return not any(h.role == "tool" or _brings_something_new(h, heard) for h in since)


def _other_figure(state: Conversation, content: str) -> str:
    """The objection to a figure that was another when it was told last, and nothing that came up since accounts for it."""
    for new in figures(content):
        last = next(((old, at) for old, at in reversed(state.figures) if _same_thing(new, old)), None)
        if last is None or not contradicts(new, last[0]):
            continue
        old, at = last
        since = [h for h in state.heard if h.at > at]
        users = [h.text for h in since if h.role == "user"]
        tools = [h.text for h in since if h.role == "tool"]
        if accounts_for(new, old, users, tools, [h.text for h in state.heard if h.at <= at]):
            continue
        if not any(_brings_something_new(h, state.heard) for h in since if h.role == "user"):
            return f"this contradicts what was said before. Before: “{old.text}” Now: “{new.text}”"
    return ""


def _same_thing(new: Figure, old: Figure) -> bool:
    return (new.value == old.value and (new.name, new.which) == (old.name, old.which)) or contradicts(new, old)


def _brings_something_new(asked: Heard, heard: Sequence[Heard]) -> bool:
    brought = set(values_in(asked.text))
    for known in heard:
        if brought and known.at < asked.at:
            brought.difference_update(values_in(known.text))
    return bool(brought)


def _hear(state: Conversation, role: str, text: str) -> Conversation:
    at = state.heard[-1].at + 1 if state.heard else 0
    return replace(state, heard=(*state.heard, Heard(at, role, text[:LONGEST]))[-MOST_HEARD:])


def _call(payload: Mapping[str, Any]) -> str:
    return as_text(payload.get("id") or f"{as_text(payload.get('name'))} {as_text(payload.get('arguments'))}")
