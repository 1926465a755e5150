from __future__ import annotations

import asyncio
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loopwright.adapters.targets.command import Command
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError


def run(line: str, given: Any = "hi", timeout_s: float = 20.0, folder: str | None = None) -> TargetReply:
    async def main() -> TargetReply:
        target = Command(line, folder)
        await target.open()
        return await target.call(CallTarget(given, "c", 0, timeout_s))

    return asyncio.run(main())


def python(code: str, **options: Any) -> TargetReply:
    return run(f"{sys.executable} -c {shlex.quote(code)}", **options)


def test_the_input_is_json_on_stdin_and_the_answer_is_stdout() -> None:
    reply = python("import json,sys; print(json.load(sys.stdin)[0]['content'])", given=[{"role": "user", "content": "hé"}])
    assert (reply.output, reply.error) == ("hé", None)
    assert reply.latency_ms is not None
    assert run("cat").output == '"hi"'


def test_the_long_form_is_read() -> None:
    reply = python('print(\'{"output": "hi", "cost_usd": 0.5, "messages": []}\')')
    assert (reply.output, reply.cost_usd) == ("hi", 0.5)


def test_a_program_that_does_not_read_its_input_is_fine() -> None:
    assert python("print(1)", given="x" * 1_000_000).output == "1"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import sys; print('half an answer'); sys.exit('no key')", "the program failed: exit code 1; it said: no key"),
        ("import os; os.kill(os.getpid(), 11)", "the program failed: killed by SIGSEGV"),
        (r"import sys; sys.stdout.buffer.write(b'ab\xff')", "the answer is not UTF-8: byte 0xff at 2"),
        ("print('x' * 100_000_000)", "the answer is longer than 10 MB"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", "the answer is longer than 10 MB"),
    ],
)
def test_a_program_that_fails_is_an_error_reply(code: str, error: str) -> None:
    assert python(code).error == error


def test_only_the_end_of_what_it_says_on_stderr_is_kept() -> None:
    reply = python("import sys; sys.stderr.write('x' * 5_000_000 + 'the end'); sys.exit(2)")
    assert str(reply.error).endswith("the end")
    assert len(str(reply.error)) < 2200


def test_garbage_is_an_answer_like_any_other() -> None:
    assert python("print('{{[\\x00\\x1b[31m')").output == "{{[\x00\x1b[31m"


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "still-alive"
    child = f"sleep 3; touch {mark}"
    started = time.monotonic()
    reply = python(f"import subprocess,time; subprocess.Popen(['sh','-c',{child!r}]); time.sleep(60)", timeout_s=0.7)
    assert (reply.timed_out, reply.error) == (True, "timed out after 0.7 s")
    assert time.monotonic() - started < 30
    time.sleep(3)
    assert not mark.exists()


def test_a_child_that_left_the_group_with_our_pipe_cannot_hold_us_up() -> None:
    started = time.monotonic()
    reply = python("import subprocess; subprocess.Popen(['setsid','sleep','8']); print('hi')", timeout_s=0.7)
    assert reply.timed_out
    assert time.monotonic() - started < 7


def test_no_shell_runs_the_line(tmp_path: Path) -> None:
    assert run(f"echo a; touch {tmp_path / 'x'} $HOME").output == f"a; touch {tmp_path / 'x'} $HOME"
    assert not (tmp_path / "x").exists()


def test_a_program_is_found_from_its_folder(tmp_path: Path) -> None:
    program = tmp_path / "agent"
    program.write_text("#!/bin/sh\npwd\n")
    program.chmod(0o755)
    assert run("./agent", folder=str(tmp_path)).output == str(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"), [("", "names no program"), ("'open", "cannot be split"), ("no-such-program-17 x", "there is no program")]
)
def test_what_cannot_be_a_command_is_wrong_usage(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run(line)
