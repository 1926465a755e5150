"""Agents of every temper, for the tests of targets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any


async def echo(given: Any) -> Any:
    return given


def blocking_echo(given: str) -> str:
    return f"{given}!"


def long_form(given: str) -> dict[str, Any]:
    return {"output": given, "messages": [{"role": "assistant", "content": given}], "cost_usd": 0.25}


@dataclass
class Answer:
    output: str


def dataclass_answer(given: str) -> Answer:
    return Answer(given)


class Agent:
    async def __call__(self, given: str) -> str:
        return given


callable_ = Agent()
partial_ = partial(lambda prefix, given: prefix + given, "> ")


def prints(given: str) -> str:
    sys.stdout.write("noise on standard output\n")
    os.write(1, b"more noise\n")
    return given


def raises(given: str) -> str:
    raise ValueError(f"cannot answer {given}")


def exits(given: str) -> str:
    sys.exit(3)


async def interrupts(given: str) -> str:
    raise KeyboardInterrupt


def returns_none(given: str) -> None:
    return None


def returns_object(given: str) -> object:
    return object()


def returns_nan(given: str) -> dict[str, float]:
    return {"output": 1, "cost_usd": float("nan")}  # type: ignore[dict-item]


def returns_much(given: str) -> str:
    return "x" * 100_000_000


def surrogate(given: str) -> str:
    return "half \ud800"


def moody(given: str) -> str:
    """Does what it is told: hang, spin, crash, block; else echo."""
    if given == "hang":
        threading.Event().wait()
    if given == "spin":
        while True:
            pass
    if given == "crash":
        os._exit(7)
    if given == "kill":
        os.kill(os.getpid(), 9)
    if given == "slow":
        time.sleep(0.3)
    return given


async def moody_async(given: str) -> str:
    if given == "hang":
        await asyncio.Event().wait()
    if given == "block":
        time.sleep(3600)
    if given == "stubborn":
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue
    if given == "slow":
        await asyncio.sleep(0.3)
    return given


def spawns(given: str) -> str:
    """Starts a child that outlives the call, and tells its process id."""
    child = subprocess.Popen(["sleep", "600"])
    return str(child.pid)


not_a_function = 17
