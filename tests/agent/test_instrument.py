# ruff: noqa: E501 - programs in strings
"""An agent in a process of its own: the global provider is set once a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from loopwright import wiring
from loopwright.settings import load

PROLOGUE = """
import json, os, sys, asyncio
import loopwright
from loopwright.agent.tracing import agent, tool, session, current_trace_id
from loopwright.agent.guarding import BlockedError
"""
EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


def run(folder: Path, code: str, check: bool = True, **environ: str) -> subprocess.CompletedProcess[str]:
    code = PROLOGUE + textwrap.dedent(code)
    environment = {k: v for k, v in os.environ.items() if k != "LOOPWRIGHT_HARNESS"} | environ
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=check
    )  # fmt: skip


def imported(*files: Path):
    reader = wiring.trace_reader(load(environ={}))
    return list(reader.read([str(file) for file in files]))


def traces(*files: Path):
    return [found.trace for found in imported(*files)]


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


DESK = """
@tool
def get_order(order: str) -> dict:
    if order == "B1":
        raise KeyError("no such order")
    return {"order": order, "days": 12}

@agent
def answer(question, session_id=None):
    try:
        found = get_order("A1")
        get_order(order="B1")
    except KeyError:
        pass
    return f"It came {found['days']} days ago."
"""


def test_a_plain_agent_leaves_a_trace(tmp_path):
    run(tmp_path, f'loopwright.instrument("desk", "v1")\n{DESK}\nanswer("Where is A1?", session_id="s1")')
    (trace,) = traces(tmp_path / "traces.jsonl")
    assert (trace.agent, trace.version, trace.session_id, trace.error) == ("answer", "v1", "s1", None)
    assert [(m.role, m.text) for m in trace.messages] == [
        ("user", "Where is A1?"),
        ("assistant", ""),
        ("tool", '{"days":12,"order":"A1"}'),
        ("assistant", ""),
        ("tool", "Error: KeyError: 'no such order'"),
        ("assistant", "It came 12 days ago."),
    ]
    assert [(s.kind, s.input, s.output, s.error) for s in trace.steps[1:]] == [
        ("tool", {"order": "A1"}, {"order": "A1", "days": 12}, None),
        ("tool", {"order": "B1"}, "Error: KeyError: 'no such order'", "KeyError: 'no such order'"),
    ]
    assert trace.attributes["service.name"] == "desk"


def test_async_agents_and_errors(tmp_path):
    run(
        tmp_path,
        """
        loopwright.instrument("desk", to="out/async.jsonl")

        @tool(name="look_up")
        async def find(order):
            await asyncio.sleep(0)
            return "12 days"

        @agent(name="desk")
        async def answer(messages):
            await find("A1")
            raise RuntimeError("out of words")

        try:
            asyncio.run(answer([{"role": "user", "content": "A1?"}]))
        except RuntimeError:
            print("raised")
        """,
    )
    (trace,) = traces(tmp_path / "out/async.jsonl")
    assert trace.error == "RuntimeError: out of words"
    assert [(s.kind, s.name, s.output) for s in trace.steps] == [("agent", "desk", None), ("tool", "look_up", "12 days")]


def test_a_provider_that_is_there_is_used(tmp_path):
    done = run(
        tmp_path,
        """
        from opentelemetry import trace
        from loopwright.wiring import span_memory
        memory = span_memory()
        mine = memory.provider("other", "v0")
        trace.set_tracer_provider(mine)
        made = loopwright.instrument("desk", "v1")
        again = loopwright.instrument("desk", "v1")
        assert made.provider is mine and again.processor is made.processor

        @agent
        def answer(question): return "yes"

        answer("?")
        assert made.flush()
        print(len(memory.spans()), memory.spans()[0].resource["service.name"])
        """,
    )
    assert done.stdout.split() == ["1", "other"]
    (trace,) = traces(tmp_path / "traces.jsonl")
    assert (trace.attributes["service.name"], trace.version) == ("desk", "v1")


def test_a_torn_line_is_refused_alone(tmp_path):
    file = tmp_path / "traces.jsonl"
    run(tmp_path, f'loopwright.instrument("desk")\n{DESK}\nanswer("one")')
    with file.open("ab") as out:
        out.write(b'{"resourceSpans": [{"resource')
    run(tmp_path, f'loopwright.instrument("desk")\n{DESK}\nanswer("two")')
    found = imported(file)
    assert [getattr(item, "reason", "trace") for item in found] == ["malformed JSON", "trace", "trace"]


def test_forks_and_several_writers_do_not_mix(tmp_path):
    run(
        tmp_path,
        f"""
made = loopwright.instrument("desk")
{DESK}
answer("parent " * 2000)
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        for turn in range(20):
            answer(f"child {{number}} {{turn}} " * 500)
            made.flush()
        os._exit(0)
    children.append(child)
answer("parent again")
for child in children:
    assert os.waitpid(child, 0)[1] == 0
""",
    )
    found = traces(tmp_path / "traces.jsonl")
    assert len(found) == 82
    assert len({trace.trace_id for trace in found}) == 82


def test_feedback_finds_its_trace_before_and_after(tmp_path):
    run(
        tmp_path,
        """
        made = loopwright.instrument("desk", "v1")
        ids = []

        @agent
        def answer(question, session_id=None):
            ids.append(current_trace_id())
            assert loopwright.feedback({"score": 0.5}, comment="from within")
            return "yes"

        answer("first", session_id="s1")
        made.flush()
        answer("second", session_id="s1")
        loopwright.feedback("down", trace_id=ids[0], comment="wrong date")
        loopwright.feedback({"rating": 1}, session_id="s1")
        loopwright.feedback("up", session_id="nobody")
        """,
    )
    import asyncio

    from loopwright.workflows.importing import collect_traces

    reader = wiring.trace_reader(load(environ={}))
    found, intake = asyncio.run(collect_traces(reader, [str(tmp_path / "traces.jsonl")]))
    told = {t.messages[0].text: [(f.kind, f.value, f.negative, f.comment) for f in t.feedback] for t in found}
    assert told["first"] == [("evaluation", 0.5, None, "from within"), ("thumb", False, True, "wrong date")]
    assert told["second"] == [("evaluation", 0.5, None, "from within"), ("rating", 1.0, True, "")]
    assert (intake.feedback, intake.unjoined, intake.rejected_count) == (5, 1, 0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('loopwright.instrument(" ")', "the service has no name"),
        (
            f'sys.modules["{EXPORTER}"] = None; loopwright.instrument("desk", to="http://localhost:4318")',
            "pip install opentelemetry-exporter-otlp-proto-http",
        ),
        ('loopwright.feedback("down")', "the feedback is on nothing"),
        ('loopwright.feedback("down", trace_id="t")', "has nowhere to go"),
        ('loopwright.feedback("", trace_id="t", to="x")', "says nothing"),
        ('loopwright.instrument("desk", harness="none.toml")', "none.toml: there is no such file"),
    ],
)
def test_what_cannot_be_is_said_at_the_door(tmp_path, call, said):
    done = run(tmp_path, call, check=False)
    assert said in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_breaks_no_agent(tmp_path):
    (tmp_path / "folder").mkdir()
    done = run(
        tmp_path,
        f'made = loopwright.instrument("desk", to="folder")\n{DESK}\nprint(answer("A1?"), loopwright.feedback("up", trace_id="x"))',
    )
    assert done.stdout.strip() == "It came 12 days ago. False"
    assert "spans were lost" in done.stderr
    assert "feedback was lost" in done.stderr


def test_a_broken_harness_breaks_no_agent_and_is_told(tmp_path):
    (tmp_path / "harness.toml").write_text(
        '[guards.scope_permissions]\nmode = "enfroce"\n[guards.retry_budget]\nmode = "enforce"\nper_tool = 2\n'
    )
    set_up = 'made = loopwright.instrument("desk", "v1")\n'
    done = run(tmp_path, f'{set_up}{DESK}\nprint(answer("A1?"), [g.name for g in made.harness.guards])')
    assert done.stdout.strip() == "It came 12 days ago. ['retry_budget']"
    assert "a guard does not run: " in done.stderr
    assert "guards.scope_permissions.mode is 'enfroce'" in done.stderr
    told = [
        attribute["value"]["stringValue"]
        for line in lines(tmp_path / "traces.jsonl")
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
        for attribute in span["attributes"]
        if attribute["key"] == "loopwright.harness.fault"
    ]
    assert len(told) == 1
    assert "enfroce" in told[0]
    refused = run(tmp_path, 'loopwright.instrument("desk", harness="harness.toml")', check=False)
    assert "guards.scope_permissions.mode is 'enfroce'; give off, shadow or enforce" in refused.stderr.splitlines()[-1]
    bare = run(tmp_path, f"{DESK}\nprint(answer('A1?'))")
    assert bare.stdout.strip() == "It came 12 days ago."
    assert bare.stderr.count("a guard does not run: ") == 1


def test_the_root_stays_light(tmp_path):
    done = run(tmp_path, "print('opentelemetry.sdk' in sys.modules, 'numpy' in sys.modules)")
    assert done.stdout.split() == ["False", "False"]


def test_where_opentelemetry_sends_is_not_taken_over_in_silence(tmp_path: Path) -> None:
    there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    code = f'loopwright.instrument("desk")\nloopwright.instrument("desk")\n{DESK}\nanswer("one")'

    told = run(tmp_path, code, **there).stderr
    quiet = run(tmp_path, f'loopwright.instrument("desk", to="mine.jsonl")\n{DESK}\nanswer("one")', **there).stderr

    assert told.count("set LOOPWRIGHT_ENDPOINT") == 1
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in told
    assert quiet == ""
    assert len(traces(tmp_path / "traces.jsonl")) == 1
