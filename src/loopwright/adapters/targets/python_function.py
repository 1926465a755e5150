"""`python:module:function`: a sync or async function, called in a process of its own.

The process can be killed, so that a function that hangs, blocks the event loop, exits or crashes ends one trial and not the run.
What the function prints goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loopwright.adapters.targets.answer import TOO_LONG, decode, reply_from
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError

START_TIMEOUT_S = 120.0
"""How long importing the agent may take."""

_GRACE_S = 2.0


class _LostError(Exception):
    """The agent's process ended, or had to be ended, with calls under way."""


class PythonFunction:
    """The target that calls a Python function.

    `spec` is `module:function`; `paths` are put before the Python path, and `environment` is added to that of this process.
    A call that a crash or a blocked event loop took down with it is made once more, alone in a fresh process, so that only the
    guilty one is an error.
    """

    def __init__(self, spec: str, paths: tuple[str, ...] = (), environment: Mapping[str, str] | None = None) -> None:
        module, _, function = spec.partition(":")
        if not module or not function:
            raise UsageError(f"target 'python:{spec}' names no function; give python:package.module:function")
        self._spec = spec
        self._paths = paths
        self._environment = dict(environment or {})
        self._process: _Process | None = None
        self._retired: list[_Process] = []
        self._starting = asyncio.Lock()
        self._alone = asyncio.Lock()

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return f"python:{self._spec}"

    async def open(self) -> None:
        """Import the agent; raises `UsageError` where that fails."""
        try:
            await self._current()
        except _LostError as error:
            raise UsageError(f"target {self.name}: {error}") from None

    async def call(self, request: CallTarget) -> TargetReply:
        """Call the function once."""
        try:
            process = await self._current()
            reply = await process.ask(request)
            await self._bury()
        except _LostError:
            reply = await self._once_more(request)
        return reply

    async def close(self) -> None:
        """End all processes, with whatever still runs in them."""
        for process in (self._process, *self._retired):
            if process is not None:
                process.kill()
        self._process, self._retired = None, []

    async def _current(self) -> _Process:
        async with self._starting:
            process = self._process
            if process is not None and process.stuck:
                self._retired.append(process)
            if process is None or process.stuck or process.gone:
                self._process = process = await _Process.start(self._spec, self._paths, self._environment)
            return process

    async def _once_more(self, request: CallTarget) -> TargetReply:
        async with self._alone:
            process = None
            try:
                process = await _Process.start(self._spec, self._paths, self._environment)
                return await process.ask(request)
            except _LostError as error:
                return TargetReply(error=str(error))
            finally:
                if process is not None:
                    process.kill()

    async def _bury(self) -> None:
        """End retired processes that nobody waits for any more."""
        for process in [p for p in self._retired if p.idle]:
            process.kill()
            self._retired.remove(process)


class _Process(asyncio.Protocol):
    """One process with the agent in it, and the calls under way there."""

    def __init__(self, child: subprocess.Popen[bytes], life: int) -> None:
        self._child = child
        self._life = life
        self._buffer = bytearray()
        self._calls: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._cancels: dict[int, asyncio.Future[bool]] = {}
        self._number = 0
        self._transport: asyncio.Transport
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._fault = ""
        self.gone = False
        self.stuck = False

    @classmethod
    async def start(cls, spec: str, paths: tuple[str, ...], environment: Mapping[str, str]) -> _Process:
        """Start a process and import the agent in it; raises `_LostError` where that fails."""
        ours, theirs = socket.socketpair()
        life_end, life = os.pipe()
        command = [
            sys.executable,
            "-u",
            "-m",
            "loopwright.adapters.targets.agent_process",
        ]  # what the agent prints is not held back
        with theirs:
            child = subprocess.Popen(  # noqa: S603  the user's own agent, in the user's own interpreter
                [*command, str(theirs.fileno()), str(life_end), spec, str(Path.cwd()), *paths],
                pass_fds=(theirs.fileno(), life_end), stdin=subprocess.DEVNULL, stdout=2, start_new_session=True,
                env={**os.environ, **environment},
            )  # fmt: skip
        os.close(life_end)
        process = cls(child, life)
        await asyncio.get_running_loop().create_connection(lambda: process, sock=ours)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await process._ready
        except TimeoutError:
            process.kill()
            raise _LostError(f"importing the agent took longer than {START_TIMEOUT_S:g} s") from None
        except BaseException:
            process.kill()
            raise
        return process

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return not self._calls

    async def ask(self, request: CallTarget) -> TargetReply:
        """One call; raises `_LostError` where the process ends before the answer."""
        if self.gone:
            raise _LostError(self._obituary())
        self._number += 1
        number = self._number
        waiting = self._calls[number] = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        self._send({"id": number, "input": request.input})
        try:
            async with asyncio.timeout(request.timeout_s):
                answer = await waiting
        except TimeoutError:
            del self._calls[number]
            took = (time.perf_counter() - started) * 1000
            await self._give_up(number)
            return TargetReply(error=f"timed out after {request.timeout_s:g} s", timed_out=True, latency_ms=took)
        finally:
            self._calls.pop(number, None)
        if "error" in answer:
            return TargetReply(error=answer["error"], latency_ms=answer["ms"])
        return TargetReply(error=TOO_LONG) if answer.get("too_long") else reply_from(answer["value"], answer["ms"])

    def kill(self) -> None:
        """End the process, its threads and its children."""
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._child.kill()
        self._child.wait()
        self._transport.close()
        self._lose()

    async def _give_up(self, number: int) -> None:
        """Cancel a call; a thread that goes on makes the process stuck, and one that does not even answer is killed."""
        if self.gone:
            return
        told = self._cancels[number] = asyncio.get_running_loop().create_future()
        self._send({"cancel": number})
        try:
            async with asyncio.timeout(_GRACE_S):
                self.stuck = not await told or self.stuck
        except TimeoutError:
            self._fault = "another call blocked the agent's event loop"
            self.kill()
        finally:
            self._cancels.pop(number, None)

    def _send(self, message: dict[str, Any]) -> None:
        self._transport.write(json.dumps(message).encode() + b"\n")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes came: every whole line is a message."""
        self._buffer += data
        if b"\n" in data:
            *lines, self._buffer = self._buffer.split(b"\n")
            for line in lines:
                self._receive(decode(bytes(line)))

    def connection_lost(self, exc: Exception | None) -> None:
        """The process is gone: nobody waits for it in vain."""
        self._lose()

    def _receive(self, message: dict[str, Any]) -> None:
        if "id" in message:
            waiting = self._calls.get(message["id"])
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif "cancelled" in message:
            told = self._cancels.get(message["cancelled"])
            if told is not None and not told.done():
                told.set_result(message["ended"])
        elif "fault" in message:
            self._fault = message["fault"]
        elif not self._ready.done():
            self._ready.set_result(None)

    def _lose(self) -> None:
        if self.gone:
            return
        self.gone = True
        reason = _LostError(self._obituary())
        if not self._ready.done():
            self._ready.set_exception(reason)
        for waiting in self._calls.values():
            if not waiting.done():
                waiting.set_exception(reason)
        for told in self._cancels.values():
            if not told.done():
                told.set_result(True)
        if self._ready.done() and not self._ready.cancelled():
            self._ready.exception()

    def _obituary(self) -> str:
        if self._fault:
            return self._fault
        try:
            code = self._child.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return "the agent's process closed its line"
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"the agent's process {how} while answering"
