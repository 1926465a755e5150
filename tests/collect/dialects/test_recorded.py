"""Spans that frameworks themselves record, with their test models."""

from __future__ import annotations

import asyncio
import warnings

import pytest

from loopwright import wiring


def said(trace) -> list[tuple[str, str]]:
    return [(m.role, m.text or ",".join(c.name for c in m.tool_calls)) for m in trace.messages]


def pydantic_ai(version: int):
    """An agent of Pydantic AI that asks one tool, recorded in one version of its instrumentation."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from pydantic_ai import Agent
    from pydantic_ai.capabilities.instrumentation import Instrumentation
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.test import TestModel

    memory = wiring.span_memory()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Instrumentation format versions")
        settings = InstrumentationSettings(tracer_provider=provider, version=version)
    model = TestModel(custom_output_text="It comes in 12 days.")
    agent = Agent(model, name="desk", system_prompt="You are a desk.", capabilities=[Instrumentation(settings=settings)])

    @agent.tool_plain
    def find(order: str) -> str:
        return "12 days"

    asyncio.run(agent.run("Where is A1?"))
    provider.shutdown()
    (trace,) = memory.traces()
    return trace


@pytest.mark.parametrize("version", [2, 3, 4, 5, 6])
def test_pydantic_ai(version):
    trace = pydantic_ai(version)
    assert said(trace) == [
        ("system", "You are a desk."), ("user", "Where is A1?"), ("assistant", "find"), ("tool", "12 days"),
        ("assistant", "It comes in 12 days."),
    ]  # fmt: skip
    assert [step.kind for step in trace.steps if step.kind != "other"] == ["agent", "model", "tool", "model"]
    tool = next(step for step in trace.steps if step.kind == "tool")
    assert (tool.name, list(tool.input), tool.output) == ("find", ["order"], "12 days")
    assert (trace.agent, trace.error) == ("desk", None)
    assert trace.usage.input_tokens == sum(step.usage.input_tokens for step in trace.steps if step.kind == "model")
    assert trace.usage.output_tokens


def langgraph():
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
    from langgraph.graph import END, START, MessagesState, StateGraph
    from openinference.instrumentation.langchain import LangChainInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    memory = wiring.span_memory()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        calls = AIMessage("", tool_calls=[{"name": "find", "args": {"order": "A1"}, "id": "c1"}])
        model = GenericFakeChatModel(messages=iter([calls, AIMessage("It comes in 12 days.")]))
        graph = StateGraph(MessagesState)
        graph.add_node("ask", lambda state: {"messages": [model.invoke(state["messages"])]})
        graph.add_node("find", lambda state: {"messages": [ToolMessage("12 days", tool_call_id="c1")]})
        graph.add_node("tell", lambda state: {"messages": [model.invoke(state["messages"])]})
        for edge in ((START, "ask"), ("ask", "find"), ("find", "tell"), ("tell", END)):
            graph.add_edge(*edge)
        graph.compile().invoke({"messages": [HumanMessage("Where is A1?")]}, {"metadata": {"session_id": "s1", "user_id": "u1"}})
    finally:
        instrumentor.uninstrument()
    provider.shutdown()
    (trace,) = memory.traces()
    return trace


def test_langgraph():
    trace = langgraph()
    assert said(trace) == [
        ("user", "Where is A1?"), ("assistant", "find"), ("tool", "12 days"), ("assistant", "It comes in 12 days."),
    ]  # fmt: skip
    assert trace.session_id == "s1"
    assert [step.kind for step in trace.steps].count("model") == 2


def test_the_openai_agents_sdk_hands_over():
    from agents import trace as traced
    from agents.tracing import agent_span, function_span, handoff_span, set_trace_processors
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    memory = wiring.span_memory()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    instrumentor = OpenAIAgentsInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with traced("support"), agent_span("triage"):
            with function_span("find", input='{"order": "A1"}', output="12 days"):
                pass
            with handoff_span("triage", "orders"):
                pass
    finally:
        instrumentor.uninstrument()
        set_trace_processors([])
    provider.shutdown()
    (trace,) = memory.traces()
    kinds = {step.name: step.kind for step in trace.steps}
    assert kinds["triage"] == "agent"
    assert kinds["find"] == "tool"
    assert [step.kind for step in trace.steps].count("handoff") == 1
