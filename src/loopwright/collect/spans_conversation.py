"""The conversation that spans tell of, once: each call of a model repeats the history, and adds its answer.

Calls are put together into threads. A call continues a thread where its history holds something that an agent or a tool of that
thread said; a call that does not begins one of its own, as a router's or a sub-agent's does. The conversation is the longest
thread, with the threads of the same instructions that begin with something else said by the user: an agent that is sent each turn
by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.dialects.parts import as_content
from loopwright.collect.trace import Message, ToolCall

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of a model or an agent: what it was given, and what it gave."""

    given: tuple[Message, ...]
    gave: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool that ran: the call it answers, where that is known, and what came of it."""

    name: str
    arguments: Any = None
    result: Any = None
    error: str | None = None
    call_id: str | None = None


@dataclass(slots=True)
class _Thread:
    system: tuple[Message, ...]
    messages: list[Message] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    def add(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.messages.append(message)
            self.keys.append(_key(message))


def conversation(
    exchanges: Sequence[Exchange], runs: Sequence[ToolRun] = (), ends: Sequence[Message] = ()
) -> tuple[Message, ...]:
    """The messages of `exchanges`, in order of time, once; results of `runs` that no history holds follow their calls.

    `ends` are messages that the agent is known to have received or sent: the thread that has most of them is the conversation.
    """
    threads: list[_Thread] = []
    for exchange in exchanges:
        if exchange.given or exchange.gave:
            _place(threads, Exchange(_joined(exchange.given), _joined(exchange.gave)))
    if not threads:
        return ()
    known = {_key(message) for message in ends}
    main = max(reversed(threads), key=lambda thread: (len(known.intersection(thread.keys)), len(thread.messages)))
    joined = [thread for thread in threads if thread is main or _another_turn(thread, main)]
    said = [message for thread in joined for message in thread.messages]
    return (*main.system, *_with_results(said, runs))


def called(messages: Sequence[Message], run: ToolRun, taken: set[int]) -> tuple[int, ToolCall] | None:
    """The call that a run answers, and its number among the calls of the conversation: by id, by arguments, by name.

    `taken` are the numbers of calls that other runs answer.
    """
    calls = [(number, call) for number, call in enumerate(c for m in messages for c in m.tool_calls) if number not in taken]
    if run.call_id:
        found = next((pair for pair in calls if pair[1].id == run.call_id), None)
        if found is not None:
            return found
    same = [pair for pair in calls if pair[1].name == run.name]
    return next((pair for pair in same if pair[1].arguments == run.arguments), same[0] if same else None)


def _joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages, with calls that follow an answer's text or calls in that answer: some histories list each by itself."""
    made: list[Message] = []
    for message in messages:
        last = made[-1] if made else None
        bare = message.role == "assistant" and message.tool_calls and message.content in (None, "")
        if bare and last is not None and last.role == "assistant":
            made[-1] = replace(last, tool_calls=(*last.tool_calls, *message.tool_calls))
        else:
            made.append(message)
    return tuple(made)


def _place(threads: list[_Thread], exchange: Exchange) -> None:
    """Add an exchange to the thread it continues, or begin one."""
    system = tuple(message for message in exchange.given if message.role == "system")
    history = [message for message in exchange.given if message.role != "system"]
    keys = [_key(message) for message in history]
    for thread in reversed(threads):
        place = _continued(thread.keys, keys)
        if place is not None:
            thread.add(history[place + 1 :])
            thread.add(exchange.gave)
            return
    thread = _Thread(system)
    thread.add(history)
    thread.add(exchange.gave)
    threads.append(thread)


def _continued(said: Sequence[Key], history: Sequence[Key]) -> int | None:
    """Where in a history a thread ends: the last thing in it that its agent or a tool said; None where there is none.

    A history that begins with all of the thread continues it too: the call before it may have failed. Of several places, the one
    with most of what came before it is taken.
    """
    if list(said) == list(history[: len(said)]):
        return len(said) - 1
    for index in range(len(said) - 1, -1, -1):
        if said[index][0] != "user":
            places = [place for place, key in enumerate(history) if key == said[index]]
            if places:
                return max(places, key=lambda place: _alike(said[: index + 1], history[: place + 1]))
    return None


def _alike(one: Sequence[Key], other: Sequence[Key]) -> int:
    """How many of the last elements are the same."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _another_turn(thread: _Thread, main: _Thread) -> bool:
    """Whether a thread is another turn of the main one's agent: same instructions, and begun by something else."""
    if not thread.keys or [m.content for m in thread.system] != [m.content for m in main.system]:
        return False
    return thread.keys[0] not in main.keys and thread.keys[0][0] == "user"


def _with_results(messages: list[Message], runs: Sequence[ToolRun]) -> list[Message]:
    """The messages with the results that are not among them, after the message that called for them."""
    held = {m.tool_call_id for m in messages if m.role == "tool" and m.tool_call_id}
    unnamed = any(m.role == "tool" and not m.tool_call_id for m in messages)
    taken: set[int] = set()
    results: dict[int, Message] = {}
    for run in runs:
        found = called(messages, run, taken)
        if found is None:
            continue
        number, call = found
        taken.add(number)
        if call.id not in held and not unnamed and (run.result is not None or run.error):
            content = as_content(run.result) if run.result is not None else f"Error: {run.error}"
            results[number] = Message("tool", content, tool_call_id=call.id, name=call.name)
    return list(_interleaved(messages, results)) if results else messages


def _interleaved(messages: Sequence[Message], results: dict[int, Message]) -> Iterable[Message]:
    number = 0
    waiting: list[Message] = []
    for message in messages:
        if waiting and message.role != "tool":
            yield from waiting
            waiting = []
        yield message
        for _ in message.tool_calls:
            if number in results:
                waiting.append(results[number])
            number += 1
    yield from waiting


def as_calls(runs: Sequence[ToolRun]) -> tuple[Message, ...]:
    """Runs of which no model tells, as the calls and results they stand for."""
    made: list[Message] = []
    for place, run in enumerate(runs):
        id = run.call_id or f"run-{place}"
        made.append(Message("assistant", None, (ToolCall(id, run.name, run.arguments),)))
        content = as_content(run.result) if run.error is None or run.result is not None else f"Error: {run.error}"
        made.append(Message("tool", content, tool_call_id=id, name=run.name))
    return tuple(made)


def _key(message: Message) -> Key:
    """What makes two messages the same one. Ids of calls do not: some frameworks give new ones when they repeat a message."""
    content = message.text.strip() if isinstance(message.content, str | list | tuple) else canonical(message.content)
    calls = canonical([[call.name, call.arguments] for call in message.tool_calls]) if message.tool_calls else ""
    return message.role, content, calls
