from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loopwright.adapters.targets.python_function import PythonFunction
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError

HERE = str(Path(__file__).parent)


def ask(function: str, *inputs: Any, timeout_s: float = 20.0, at_once: bool = True) -> list[TargetReply]:
    async def main() -> list[TargetReply]:
        target = PythonFunction(f"agents:{function}", (HERE,))
        calls = [CallTarget(given, f"c{number}", 0, timeout_s) for number, given in enumerate(inputs)]
        try:
            await target.open()
            if at_once:
                return list(await asyncio.gather(*map(target.call, calls)))
            return [await target.call(call) for call in calls]
        finally:
            await target.close()

    return asyncio.run(main())


def one(function: str, given: Any = "hi", **options: Any) -> TargetReply:
    (reply,) = ask(function, given, **options)
    return reply


@pytest.mark.parametrize(
    ("function", "output"),
    [
        ("echo", "hi"), ("blocking_echo", "hi!"), ("long_form", "hi"), ("dataclass_answer", "hi"), ("callable_", "hi"),
        ("partial_", "> hi"), ("callable_.__call__", "hi"), ("surrogate", "half \ufffd"),
    ],
)  # fmt: skip
def test_functions_sync_and_async_answer(function: str, output: str) -> None:
    reply = one(function)
    assert (reply.output, reply.error) == (output, None)
    assert reply.latency_ms is not None
    assert reply.latency_ms >= 0


def test_messages_and_cost_come_through() -> None:
    reply = one("long_form")
    assert (reply.messages, reply.cost_usd) == (({"role": "assistant", "content": "hi"},), 0.25)


def test_a_list_of_messages_is_given_as_it_is() -> None:
    given = [{"role": "user", "content": "hé"}]
    assert one("echo", given).output == '[{"role": "user", "content": "hé"}]'


def test_what_an_agent_prints_is_kept_out_of_the_answer_and_of_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert one("prints").output == "hi"
    out, err = capfd.readouterr()
    assert out == ""
    assert "noise on standard output" in err
    assert "more noise" in err


@pytest.mark.parametrize(
    ("function", "error"),
    [
        ("raises", "ValueError: cannot answer hi (agents.py:"),
        ("exits", "SystemExit: 3"),
        ("interrupts", "KeyboardInterrupt"),
        ("returns_none", "the agent answered None"),
        ("returns_object", "of type object, is not JSON"),
        ("returns_nan", "is not JSON"),
        ("returns_much", "longer than 10 MB"),
    ],
)
def test_an_agent_that_fails_is_an_error_reply(function: str, error: str) -> None:
    assert error in str(one(function).error)


def test_a_crash_is_the_guilty_calls_error_alone() -> None:
    replies = ask("moody", "slow", "crash", "slow", "kill", "fine")
    assert [r.output for r in replies] == ["slow", "", "slow", "", "fine"]
    assert replies[1].error == "the agent's process ended with exit code 7 while answering"
    assert replies[3].error == "the agent's process was killed by SIGKILL while answering"


def test_hanging_threads_are_left_behind_and_others_go_on() -> None:
    replies = ask("moody", *["hang", "spin", "fine"] * 2, timeout_s=1.0)
    assert [r.timed_out for r in replies] == [True, True, False] * 2
    assert replies[0].error == "timed out after 1 s"
    replies = ask("moody", "hang", "fine", "spin", "fine", timeout_s=0.5, at_once=False)
    assert [(r.timed_out, r.output) for r in replies] == [(True, ""), (False, "fine")] * 2


def test_a_coroutine_that_hangs_is_cancelled_and_one_that_blocks_is_killed() -> None:
    replies = ask("moody_async", "hang", "fine", "stubborn", "fine", "block", "fine", timeout_s=0.8, at_once=False)
    assert [r.timed_out for r in replies] == [True, False] * 3
    assert [r.output for r in replies if not r.timed_out] == ["fine"] * 3


def test_a_blocked_event_loop_takes_no_other_call_down_with_it() -> None:
    block, slow = ask("moody_async", "block", "slow", timeout_s=2.0)
    assert block.timed_out
    assert slow.output == "slow" or slow.timed_out  # its own clock may run out first
    assert slow.error is None or slow.timed_out


def test_children_of_the_agent_end_with_it() -> None:
    pid = int(one("spawns").output)
    wait_until_gone(pid)


def test_the_process_ends_when_its_parent_is_killed() -> None:
    code = (
        "import asyncio,sys\n"
        "from loopwright.adapters.targets.python_function import PythonFunction\n"
        "from loopwright.effects import CallTarget\n"
        "async def main():\n"
        f"    target = PythonFunction('agents:spawns', ({HERE!r},))\n"
        "    reply = await target.call(CallTarget('x', 'c', 0, 20.0))\n"
        "    print(target._process._child.pid, reply.output, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        agent, child = map(int, parent.stdout.readline().split())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_until_gone(agent)
        wait_until_gone(child)


def wait_until_gone(pid: int) -> None:
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            os.kill(pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} still runs")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("agents", "names no function"),
        (":answer", "names no function"),
        ("no_such_agent:answer", "there is no module 'no_such_agent'"),
        ("agents:answr", "agents has no 'answr'"),
        ("agents:not_a_function", "is not a function"),
        ("broken_agent:answer", "importing broken_agent failed: RuntimeError: no key (broken_agent.py:1)"),
        ("exiting_agent:answer", "importing exiting_agent failed: SystemExit: 1"),
        ("needs_more:answer", "importing needs_more failed: ModuleNotFoundError: No module named 'no_such_library'"),
    ],
)
def test_a_target_that_cannot_be_used_is_wrong_usage(spec: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "broken_agent.py").write_text("raise RuntimeError('no key')")
    (tmp_path / "exiting_agent.py").write_text("raise SystemExit(1)")
    (tmp_path / "needs_more.py").write_text("import no_such_library")

    async def main() -> None:
        target = PythonFunction(spec, (HERE, str(tmp_path)))
        try:
            await target.open()
        finally:
            await target.close()

    with pytest.raises(UsageError, match=r"^target '?python:") as caught:
        asyncio.run(main())
    assert said in str(caught.value)
