"""Agents and tools that stream, in this process: spans of a provider of their own."""

from __future__ import annotations

import asyncio
import inspect
import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from loopwright.agent import guarding, tracing
from loopwright.agent.guarding import BlockedError
from loopwright.agent.tracing import agent, current_session_id, current_trace_id, tool
from loopwright.guards.catalogue import build
from loopwright.guards.harness import Harness


@pytest.fixture
def spans(monkeypatch):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing.trace, "get_tracer", provider.get_tracer)
    guarding.use(Harness())
    yield exporter.get_finished_spans
    guarding.use(None)


def answer_of(span) -> str:
    return json.loads(span.attributes["gen_ai.output.messages"])[-1]["parts"][0]["content"]


@tool
def look_up(order):
    yield {"order": order}
    yield {"days": 12}


@agent(name="desk")
def answer(question, session_id=None):
    assert current_session_id() == session_id
    found = list(look_up("A1"))
    yield "It came "
    yield f"{found[1]['days']} days ago."
    return "done"


@tool
async def alook_up(order):
    await asyncio.sleep(0)
    yield "12 "
    yield "days"


@agent(name="desk")
async def aanswer(question, session_id=None):
    text = "".join([chunk async for chunk in alook_up("A1")])
    await asyncio.sleep(0.001)
    yield "It took "
    assert current_session_id() == session_id
    await asyncio.sleep(0)
    yield text


def check(spans) -> None:
    tools, turn = spans()
    assert (tools.name, turn.name) == ("execute_tool look_up", "invoke_agent desk")
    assert tools.parent.span_id == turn.context.span_id
    assert turn.attributes["gen_ai.conversation.id"] == "s1"
    assert turn.status.is_ok or turn.status.is_unset


def test_a_generator_is_one_span_and_nothing_leaks_to_its_reader(spans):
    reading = answer("Where is A1?", session_id="s1")
    assert inspect.isgeneratorfunction(answer)
    assert spans() == ()
    said = []
    for chunk in reading:
        assert current_trace_id() is None
        assert current_session_id() is None
        said.append(chunk)
    check(spans)
    assert answer_of(spans()[1]) == "".join(said) == "It came 12 days ago."
    assert spans()[0].attributes["gen_ai.tool.call.result"] == '[{"order": "A1"}, {"days": 12}]'


def test_a_generator_is_delegated_to_whole():
    @agent
    def echo(first):
        got = []
        while len(got) < 2:
            try:
                got.append((yield first))
            except KeyError:
                got.append("caught")
        return got

    reading = echo("a")
    assert next(reading) == "a"
    assert reading.send("b") == "a"
    with pytest.raises(StopIteration) as stop:
        reading.throw(KeyError())
    assert stop.value.value == ["b", "caught"]


def test_an_async_generator_is_one_span_too(spans):
    async def two() -> list[str]:
        async def one() -> str:
            said = ""
            async for chunk in aanswer("?", session_id="s1"):
                assert current_trace_id() is None
                said += chunk
            return said

        return await asyncio.gather(one(), one())

    assert inspect.isasyncgenfunction(aanswer)
    assert asyncio.run(two()) == ["It took 12 days"] * 2
    finished = spans()
    turns = {span.context.span_id: span for span in finished if span.name == "invoke_agent desk"}
    assert len(turns) == 2
    assert {span.parent.span_id for span in finished if span.parent} == set(turns)
    assert {answer_of(span) for span in turns.values()} == {"It took 12 days"}


def test_a_reader_that_stops_early_is_no_error(spans):
    reading = answer("?", session_id="s1")
    assert next(reading) == "It came "
    reading.close()
    turn = spans()[-1]
    assert answer_of(turn) == "It came "
    assert turn.attributes["loopwright.stream.cut"]
    assert "error.type" not in turn.attributes

    async def first() -> str:
        stream = aanswer("?", session_id="s1")
        chunk = await anext(stream)
        await stream.aclose()
        return chunk

    assert asyncio.run(first()) == "It took "
    assert spans()[-1].attributes["loopwright.stream.cut"]


def test_an_error_and_a_cancellation_within_a_stream_are_told(spans):
    @agent
    def broken(question):
        yield "half"
        raise RuntimeError("out of words")

    with pytest.raises(RuntimeError, match="out of words"):
        list(broken("?"))
    assert spans()[-1].attributes["error.type"] == "RuntimeError"

    @agent
    async def slow(question):
        yield "half"
        await asyncio.sleep(30)

    async def read() -> None:
        async with asyncio.timeout(0.05):
            async for _ in slow("?"):
                pass

    with pytest.raises(TimeoutError):
        asyncio.run(read())
    assert spans()[-1].attributes["error.type"] == "CancelledError"


def test_a_guard_stops_a_tool_that_streams(spans):
    guarding.use(Harness([build("scope_permissions", {"requires": {"look_up": ["verify"]}}, "enforce")]))
    with pytest.raises(BlockedError):
        list(answer("?", session_id="s1"))
    assert [span.attributes.get("error.type") for span in spans()] == ["BlockedError", "BlockedError"]


def test_without_a_provider_a_stream_is_as_it_was():
    assert trace.get_current_span().get_span_context().is_valid is False
    assert "".join(answer("?", session_id="s1")) == "It came 12 days ago."
