"""What the planner makes of the messages it is given: the request at hand, what was said, and what the tools told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from loopwright.examples.airline.understanding import Utterance, rules_in, understand

ATTENTION = 24
"""Messages from the end that are well attended to; further back, instructions weigh less."""
PRIMACY = 400
"""Characters at the very beginning of the context that are well attended to as well."""

NOT_SENT = "Your last answer was not sent to the customer: "
"""How the loop tells the planner that an answer was stopped."""

_QUOTE = re.compile(r"\b(Shall I|Would you like me to|Do you want me to) (?!try)")
_RETRY = re.compile(r"\btry (it )?again\b|\bI could not finish\b")
_LISTED = re.compile(r"\bLW\d{3}\b")

MUTATIONS = frozenset({"cancel_reservation", "change_flight", "book_flight", "add_bags", "issue_certificate"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a tool call: the result as `data`, or the kind of failure as `error`; the harness's word as `note`."""

    name: str
    arguments: Mapping[str, Any]
    kind: Literal["ok", "error", "blocked"]
    at: int
    data: Any = None
    error: str = ""
    note: str = ""

    @property
    def call(self) -> tuple[str, str]:
        """What makes two calls the same."""
        return self.name, json.dumps(self.arguments, sort_keys=True)


@dataclass(slots=True)
class Belief:
    """The state of the conversation, read anew from the messages at each step.

    `rules` are the standing instructions that are attended to, `all_rules` those that were given. Slots (`date`, `cabin`, ...)
    hold what was said since the request at hand began, at message `since`.
    """

    intent: str | None = None
    since: int = 0
    latest: Utterance = field(default_factory=lambda: understand(""))
    latest_at: int = -1
    turns: int = 0
    user_id: str | None = None
    birth_date: str | None = None
    reservation_ids: list[str] = field(default_factory=list)
    date: str | None = None
    origin: str | None = None
    destination: str | None = None
    cabin: str | None = None
    people: int | None = None
    bags: int | None = None
    flight: str | None = None
    listed: tuple[str, ...] = ()
    confirmed: bool = False
    quoted: bool = False
    said: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    rules: frozenset[str] = frozenset()
    all_rules: frozenset[str] = frozenset()
    length: int = 0
    objection: str = ""

    @property
    def this_turn(self) -> list[Outcome]:
        """What the tools gave since the customer last wrote."""
        return [outcome for outcome in self.outcomes if outcome.at > self.latest_at]

    def fact(self, name: str, **arguments: Any) -> Any:
        """The latest result of that tool, whose call had these arguments; None where there is none."""
        for outcome in reversed(self.outcomes):
            if outcome.kind == "ok" and outcome.name == name and arguments.items() <= dict(outcome.arguments).items():
                return outcome.data
        return None

    def failed(self, name: str, error: str, **arguments: Any) -> bool:
        """Whether such a call failed in that way."""
        return any(o.name == name and o.error == error and arguments.items() <= dict(o.arguments).items() for o in self.outcomes)

    def reservation(self, reservation_id: str) -> Any:
        """What the tools last told of a reservation; None where they told nothing."""
        for outcome in reversed(self.outcomes):
            known = isinstance(outcome.data, dict) and outcome.data.get("reservation_id") == reservation_id
            if outcome.kind == "ok" and known and "cabin" in outcome.data:
                return outcome.data
        return None

    @property
    def done(self) -> Outcome | None:
        """What was carried out for the request at hand."""
        return next((o for o in self.outcomes if o.kind == "ok" and o.name in MUTATIONS and o.at > self.since), None)


def read(messages: Sequence[Mapping[str, Any]], *, pets: bool, forgetful: bool, misread: str | None = None) -> Belief:
    """Read the messages, in the chat shape.

    `pets` is whether requests about pets are understood; `forgetful` whether instructions far back are lost; `misread` is the
    intent taken from the last message of the customer in place of its own.
    """
    belief = Belief(length=len(messages))
    last = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=-1)
    calls: dict[str, tuple[str, Any]] = {}
    for index, message in enumerate(messages):
        role, content = message["role"], message.get("content") or ""
        if role == "user":
            _hear(belief, understand(str(content)), index, pets, misread if index == last else None)
        elif role == "assistant":
            calls.update((c["id"], (c["name"], c["arguments"])) for c in message.get("tool_calls") or ())
            if content:
                _note_said(belief, str(content))
        elif role == "tool" and message.get("tool_call_id") in calls:
            name, arguments = calls[message["tool_call_id"]]
            belief.outcomes.append(_outcome(name, arguments, str(content), index))
        elif role == "system" and index and str(content).startswith(NOT_SENT):
            belief.objection = str(content)
    _attend(belief, messages, forgetful)
    return belief


def _hear(belief: Belief, said: Utterance, index: int, pets: bool, misread: str | None) -> None:
    intent = misread or (said.intent if pets or said.intent != "pets" else without_pets(said.text))
    if _is_new(belief, said, intent):
        belief.intent, belief.since = intent, index
        belief.confirmed = belief.quoted = False
        belief.date = belief.flight = belief.origin = belief.destination = belief.cabin = None
        belief.bags = belief.people = None
        belief.listed = ()
    belief.latest, belief.latest_at, belief.turns = said, index, belief.turns + 1
    if belief.quoted:
        belief.confirmed, belief.quoted = said.yes, False
    elif said.no:
        belief.confirmed = False
    belief.user_id = said.users[-1] if said.users else belief.user_id
    belief.birth_date = said.birth_date or belief.birth_date
    for key in said.reservations:
        belief.reservation_ids = [*(k for k in belief.reservation_ids if k != key), key]
    _fill(belief, said)


def _fill(belief: Belief, said: Utterance) -> None:
    if said.dates:
        if said.dates[-1] != belief.date:
            belief.flight = None
        belief.date = said.dates[-1]
    for slot in ("origin", "destination", "cabin", "people", "bags"):
        value = getattr(said, slot)
        if value is not None:
            setattr(belief, slot, value)
    if said.flights:
        belief.flight = said.flights[-1]
    elif said.choice is not None and said.choice < len(belief.listed):
        belief.flight = belief.listed[said.choice]


def _is_new(belief: Belief, said: Utterance, intent: str | None) -> bool:
    if intent is None or intent == "human":
        return False
    if said.yes and belief.quoted:
        return False
    if intent != belief.intent:
        return not (belief.intent in ("book", "change") and (said.flights or said.choice is not None))
    fresh = any(key not in belief.reservation_ids for key in said.reservations)
    return (fresh and bool(belief.reservation_ids)) or (belief.done is not None and not said.recap)


@lru_cache(maxsize=4096)
def without_pets(text: str) -> str | None:
    """What a planner that knows nothing of pets takes a request about one for."""
    return understand(
        re.sub(r"\b(dogs?|cats?|pets?|puppy|rabbit|kitten|beagle|terrier)\b", "it", text, flags=re.IGNORECASE)
    ).intent


def _note_said(belief: Belief, content: str) -> None:
    belief.said.append(content)
    listed = tuple(dict.fromkeys(_LISTED.findall(content)))
    if len(listed) > 1 or "1)" in content:
        belief.listed = listed
    if _QUOTE.search(content):
        belief.quoted, belief.confirmed = True, False
    elif not _RETRY.search(content):
        belief.quoted = False


@lru_cache(maxsize=16384)
def _decoded(content: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _outcome(name: str, arguments: Any, content: str, index: int) -> Outcome:
    data = _decoded(content)
    given = arguments if isinstance(arguments, Mapping) else {}
    if isinstance(data, dict) and "blocked" in data:
        return Outcome(name, given, "blocked", index, note=str(data["blocked"]) or "blocked")
    if isinstance(data, dict) and "error" in data:
        return Outcome(name, given, "error", index, data, error=str(data["error"]))
    if isinstance(data, dict) and set(data) == {"result", "note"}:
        result = _decoded(data["result"]) if isinstance(data["result"], str) else data["result"]
        return Outcome(name, given, "ok", index, result, note=str(data["note"]) or "not run again")
    return Outcome(name, given, "ok", index, data)


def _attend(belief: Belief, messages: Sequence[Mapping[str, Any]], forgetful: bool) -> None:
    """Instructions are followed where they are attended to: near the end, at the beginning, or in a reminder of their own."""
    belief.all_rules = frozenset().union(*(rules_in(text) for _, text in _instructions(messages)))
    if not forgetful:
        belief.rules = belief.all_rules
        return
    near = len(messages) - ATTENTION
    seen: frozenset[str] = frozenset()
    for index, text in _instructions(messages):
        reminder = index > 0 and messages[index]["role"] == "system"
        seen |= rules_in(text if index >= near or reminder else text[:PRIMACY] if index == 0 else "")
    belief.rules = seen


def _instructions(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    for index, message in enumerate(messages):
        if message["role"] in ("system", "user"):
            yield index, str(message.get("content") or "")
