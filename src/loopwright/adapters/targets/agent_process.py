"""The process that a Python agent runs in: it imports one function and answers calls until its parent is gone.

Run as `python -m loopwright.adapters.targets.agent_process FD LIFE_FD MODULE:FUNCTION PATH…`. It speaks JSON, a line a message,
on the socket FD: it is sent `{"id","input"}` and `{"cancel": id}`, and sends `{"ready": true}` or `{"fault": text}`, then
`{"id","value","ms"}`, `{"id","error","ms"}` or `{"id","too_long","ms"}`, and `{"cancelled": id, "ended": bool}`. Nothing but the
standard library is imported here, so that the agent finds the interpreter as it knows it.

A blocking function runs in a thread of its own, so that one that hangs takes no place from others. LIFE_FD is at its end when
the parent is gone, however it went: then the process and its children end too.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import inspect
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAX_LINE = 10 * 1024 * 1024
"""Bytes of an answer; a longer one is told of, and not sent."""


class Connection(asyncio.Protocol):
    """The agent's end of the line."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self._buffer = bytearray()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._blocking: set[int] = set()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.send({"ready": True})

    def data_received(self, data: bytes) -> None:
        """Bytes came: every whole line is a message."""
        self._buffer += data
        if b"\n" in data:
            *lines, self._buffer = self._buffer.split(b"\n")
            for line in lines:
                self._receive(json.loads(line))

    def connection_lost(self, exc: Exception | None) -> None:
        """The parent is gone."""
        end_all()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        self._transport.write(json.dumps(message).encode() + b"\n")

    def _receive(self, message: dict[str, Any]) -> None:
        if "cancel" in message:
            cancelling = asyncio.ensure_future(self._cancel(message["cancel"]))
            cancelling.add_done_callback(lambda task: task.exception())
            return
        number = message["id"]
        task = asyncio.ensure_future(self._answer(number, message["input"]))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _answer(self, number: int, value: Any) -> None:
        started = time.perf_counter()
        try:
            answer = {"value": jsonable(await self._call(number, value))}
        except asyncio.CancelledError:
            answer = {"error": "cancelled"}
        except BaseException as error:
            answer = {"error": told(error)}
        self._transport.write(encoded(answer, {"id": number, "ms": (time.perf_counter() - started) * 1000}))

    async def _call(self, number: int, value: Any) -> Any:
        if is_async(self._function):
            return await self._function(value)
        self._blocking.add(number)
        try:
            result = await in_thread(self._function, value)
        finally:
            self._blocking.discard(number)
        return await result if inspect.isawaitable(result) else result

    async def _cancel(self, number: int) -> None:
        task = self._tasks.get(number)
        blocking = number in self._blocking
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=0.5)
        self.send({"cancelled": number, "ended": not blocking and (task is None or task.done())})


def encoded(answer: dict[str, Any], about: dict[str, Any]) -> bytes:
    """One line; in place of an answer that is too long, or not JSON, it says that."""
    value = answer.get("value")
    text = value.get("output") if isinstance(value, dict) else value
    line = b""
    if not (isinstance(text, str) and len(text) > MAX_LINE):
        try:
            line = json.dumps(answer | about, allow_nan=False).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            problem = f"the answer, of type {type(value).__name__}, is not JSON: {error}"
            line = json.dumps({"error": problem} | about).encode() + b"\n"
    return line if 0 < len(line) <= MAX_LINE else json.dumps({"too_long": True} | about).encode() + b"\n"


async def in_thread(function: Callable[[Any], Any], value: Any) -> Any:
    """Call a blocking function in a thread of its own."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(error if isinstance(error, Exception) else RuntimeError(told(error)))

    def work() -> None:
        result, error = None, None
        try:
            result = function(value)
        except BaseException as raised:
            error = raised
        loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, daemon=True).start()
    return await outcome


def is_async(function: Callable[[Any], Any]) -> bool:
    """Whether calling it gives a coroutine."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def jsonable(value: Any) -> Any:
    """Dataclasses and pydantic models as plain data; all else as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else value


def told(error: BaseException) -> str:
    """An exception in one line: its type and what it says, and where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace is not None else ""
    return f"{type(error).__name__}: {error}{place}"[:2000]


def load(spec: str) -> Callable[[Any], Any]:
    """The function that `module:function` names; raises `ValueError` saying what is missing."""
    module_name, _, path = spec.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            raise ValueError(f"there is no module {error.name!r} in {Path.cwd()} or on the Python path") from None
        raise ValueError(f"importing {module_name} failed: {told(error)}") from None
    except BaseException as error:
        raise ValueError(f"importing {module_name} failed: {told(error)}") from None
    for name in path.split("."):
        if not hasattr(found, name):
            raise ValueError(f"{module_name} has no {path!r}")
        found = getattr(found, name)
    if not callable(found):
        raise ValueError(f"{spec} is not a function")  # noqa: TRY004  one kind of error for a target that cannot be used
    return found  # type: ignore[no-any-return]


def watch(life: int) -> None:
    """End this process and its children when the parent is gone, even if the event loop is blocked."""

    def wait() -> None:
        os.read(life, 1)
        end_all()

    threading.Thread(target=wait, daemon=True).start()


def end_all() -> None:
    """End this process and all of its group at once: threads and children that hang cannot hold it up."""
    os.killpg(0, signal.SIGKILL)


async def serve(line: socket.socket, function: Callable[[Any], Any]) -> None:
    """Answer calls until the line is closed, which ends the process."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: Connection(function), sock=line)
    await loop.create_future()


def main(argv: list[str]) -> int:
    """Answer calls until the parent is gone; returns 1 where the agent cannot be imported."""
    line = socket.socket(fileno=int(argv[0]))
    watch(int(argv[1]))
    sys.path[:0] = [path for path in argv[3:] if path not in sys.path]
    try:
        function = load(argv[2])
    except ValueError as error:
        line.sendall(json.dumps({"fault": str(error)}).encode() + b"\n")
        return 1
    asyncio.run(serve(line, function))
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
