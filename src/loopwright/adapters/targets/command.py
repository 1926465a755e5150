"""`command:"…"`: a program, started anew for every trial; the input as JSON on standard input, the answer on standard output."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from loopwright.adapters.targets.answer import MAX_ANSWER_BYTES, TOO_LONG, reply_from_text
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError

_TAIL = 2000
_CHUNK = 64 * 1024


class Command:
    """The target that runs a program. `folder` is where it runs, None is the current one; `environment` is added to ours.

    The line is split as a shell would, but no shell runs it. At the time-out the program is killed together with all processes
    of its group.
    """

    def __init__(self, line: str, folder: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        try:
            self._words = shlex.split(line)
        except ValueError as error:
            raise UsageError(f"target command:{line!r} cannot be split into words: {error}") from None
        if not self._words:
            raise UsageError("target 'command:' names no program; give command:\"./agent --flag\"")
        self._line = line
        self._folder = folder
        self._environment = dict(environment or {})

    @property
    def name(self) -> str:
        """As the user wrote it."""
        return f'command:"{self._line}"'

    async def open(self) -> None:
        """Raises `UsageError` where there is no such program."""
        program = self._words[0]
        found = shutil.which(Path(self._folder or "") / program if os.sep in program else program)
        if found is None:
            raise UsageError(f"target {self.name}: there is no program {program!r}; give a path, or put it on the PATH")

    async def call(self, request: CallTarget) -> TargetReply:
        """Run the program once."""
        started = time.perf_counter()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._folder,
                env={**os.environ, **self._environment},
                start_new_session=True,
                limit=_CHUNK,
            )
        except OSError as error:
            return TargetReply(error=f"the program could not be started: {error.strerror}")
        tail = bytearray()
        try:
            async with asyncio.timeout(request.timeout_s):
                reply = await _talk(process, json.dumps(request.input).encode(), tail)
        except TimeoutError:
            reply = TargetReply(error=f"timed out after {request.timeout_s:g} s{_said(tail)}", timed_out=True)
        finally:
            await _end(process)
        return replace(reply, latency_ms=(time.perf_counter() - started) * 1000)

    async def close(self) -> None:
        """Nothing is held."""


async def _talk(process: asyncio.subprocess.Process, given: bytes, tail: bytearray) -> TargetReply:
    async with asyncio.TaskGroup() as group:
        group.create_task(_write(process, given))
        group.create_task(_keep_tail(process, tail))
        out = group.create_task(_read(process))
        code = group.create_task(process.wait())
    if len(out.result()) > MAX_ANSWER_BYTES:
        return TargetReply(error=TOO_LONG)
    if code.result() != 0:
        how = f"killed by {signal.Signals(-code.result()).name}" if code.result() < 0 else f"exit code {code.result()}"
        return TargetReply(error=f"the program failed: {how}{_said(tail)}")
    try:
        return reply_from_text(out.result().decode("utf-8"))
    except UnicodeDecodeError as error:
        byte = out.result()[error.start]
        return TargetReply(error=f"the answer is not UTF-8: byte 0x{byte:02x} at {error.start}")


async def _write(process: asyncio.subprocess.Process, given: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(given)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        return  # a program need not read its input


async def _read(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    taken = bytearray()
    while chunk := await process.stdout.read(_CHUNK):
        taken += chunk
        if len(taken) > MAX_ANSWER_BYTES:
            _kill(process)
            break
    return bytes(taken)


async def _keep_tail(process: asyncio.subprocess.Process, tail: bytearray) -> None:
    assert process.stderr is not None
    while chunk := await process.stderr.read(_CHUNK):
        tail += chunk
        del tail[:-_TAIL]


def _said(tail: bytearray) -> str:
    text = bytes(tail).decode("utf-8", "replace").strip()
    return f"; it said: {text}" if text else ""


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the program and its group, as far as they still run."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        if process.returncode is None:
            process.kill()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of the group, and wait for the program itself."""
    _kill(process)
    # A child that left the group may hold our pipes open for ever; asyncio has no public way to close them.
    process._transport.close()  # type: ignore[attr-defined]
    await process.wait()
