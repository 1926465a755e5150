"""A tiny agent under guard: it looks up colours, and sometimes looks the same one up again and again."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from loopwright.collect.record import read_chat
from loopwright.collect.trace import Trace
from loopwright.effects import CallTarget, TargetReply
from loopwright.guards.catalogue import build
from loopwright.guards.harness import Harness
from loopwright.ports import HarnessTables

PROMPT = {"role": "system", "content": "You tell customers which colour their order has."}


def harness_of(tables: HarnessTables) -> Harness:
    return Harness(
        [build(kind, {k: v for k, v in table.items() if k != "mode"}, str(table["mode"])) for kind, table in tables.items()]
    )


def converse(turns: list[str], rng: Random, repeats: float, harness: Harness) -> list[dict[str, Any]]:
    """The whole conversation: with the chance `repeats` a turn's lookup is made five times, until a guard says that it was."""
    session = harness.session(str(rng.random()))
    messages: list[dict[str, Any]] = []
    for number, text in enumerate(turns):
        messages.append({"role": "user", "content": text})
        session.message("user", text)
        for attempt in range(5 if rng.random() < repeats else 1):
            call = {"id": f"c{number}-{attempt}", "name": "get_colour", "arguments": {"order": text}}
            said = session.tool_call(call["name"], call["arguments"], call["id"])
            content = "red" if said.action == "allow" else str(said.replacement or said.reason)
            if said.action == "allow":
                session.tool_result(call["name"], call["arguments"], content, id=call["id"])
            messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
            messages.append({"role": "tool", "tool_call_id": call["id"], "name": "get_colour", "content": content})
            if said.action != "allow":
                break
        messages.append({"role": "assistant", "content": f"It is red, {text}."})
    return messages


def recorded(sessions: int, repeats: float = 0.4, turns: int = 2) -> list[dict[str, Any]]:
    """Production, as records of the chat format."""
    rows = []
    for number in range(sessions):
        said = converse([f"order {number}-{turn}" for turn in range(turns)], Random(number), repeats, Harness())
        rows.append({"id": f"s{number}", "messages": [PROMPT, *said]})
    return rows


def traces(sessions: int, repeats: float = 0.4, turns: int = 2) -> list[Trace]:
    return [read_chat(row) for row in recorded(sessions, repeats, turns)]


class ColourTarget:
    """The `Target` port: it plays a list of user messages itself, and counts its calls. A trial's dice are its number's."""

    def __init__(self, tables: HarnessTables, repeats: float = 0.4) -> None:
        self.harness = harness_of(tables)
        self.repeats = repeats
        self.calls: list[tuple[str, int]] = []
        self.fails_after: int | None = None

    @property
    def name(self) -> str:
        return "colour agent"

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def call(self, request: CallTarget) -> TargetReply:
        await asyncio.sleep(0.001)
        self.calls.append((request.case_id, request.trial))
        if self.fails_after is not None and len(self.calls) > self.fails_after:
            raise KeyboardInterrupt
        turns = [m["content"] for m in request.input] if isinstance(request.input, list) else [request.input]
        messages = converse(turns, Random(f"{request.case_id} {request.trial}"), self.repeats, self.harness)
        calls = sum(m["role"] == "tool" for m in messages)
        return TargetReply(messages[-1]["content"], tuple(messages), latency_ms=10.0 * calls, cost_usd=0.001 * calls)
