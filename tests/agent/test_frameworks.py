"""Frameworks as their users run them, with OpenInference's instrumentation: their real models, but for the network."""

from __future__ import annotations

import asyncio
import json

import pytest

from loopwright import wiring
from loopwright.agent import guarding
from loopwright.guards.catalogue import build
from loopwright.guards.harness import Harness

CALLS = [
    {"call_id": f"c{n}", "name": "get_order", "arguments": json.dumps({"order": order})} for n, order in enumerate(["A1", "B1"])
]
TOLD = "It came 12 days ago."


@pytest.fixture
def memory():
    return wiring.span_memory()


@pytest.fixture
def harness():
    guarding.use(made := Harness([build("scope_permissions", {"requires": {"get_order": ["verify"]}}, "enforce")]))
    yield made
    guarding.use(None)


def said(trace) -> list[tuple[str, str]]:
    return [(m.role, m.text or ",".join(c.name for c in m.tool_calls)) for m in trace.messages]


def openai_answers(api: str):
    """A transport that answers as the API would: two calls, then a text."""
    import httpx

    calls = [{"type": "function_call", "id": f"f{c['call_id']}", "status": "completed", **c} for c in CALLS]
    text = {"type": "output_text", "text": TOLD, "annotations": []}
    items = iter([*calls, {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}])

    def respond(request: httpx.Request) -> httpx.Response:
        body, item = json.loads(request.content), next(items)
        if api == "responses":
            usage = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8, "input_tokens_details": {"cached_tokens": 0},
                     "output_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
            more = {
                "parallel_tool_calls": True,
                "tool_choice": "auto",
                "tools": body["tools"],
                "instructions": body["instructions"],
            }
            head = {"id": "r", "object": "response", "created_at": 1, "model": "m", "output": [item], "usage": usage}
            return httpx.Response(200, json={**head, **more})
        if item["type"] == "message":
            message = {"role": "assistant", "content": TOLD}
        else:
            function = {"name": item["name"], "arguments": item["arguments"]}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": item["call_id"], "type": "function", "function": function}],
            }
        usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return httpx.Response(
            200, json={"id": "r", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        )

    return httpx.MockTransport(respond)


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_the_openai_agents_sdk(memory, api):
    import httpx
    import openai
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    @function_tool
    def get_order(order: str) -> str:
        """Look an order up."""
        if order == "B1":
            raise ValueError("no such order")
        return "12 days"

    async def run() -> None:
        async with httpx.AsyncClient(transport=openai_answers(api)) as http:
            client = openai.AsyncOpenAI(api_key="none", base_url="http://model/v1", http_client=http)
            model = {"responses": OpenAIResponsesModel, "chat": OpenAIChatCompletionsModel}[api]("m", openai_client=client)
            await Runner.run(
                Agent(name="desk", instructions="You are a desk.", tools=[get_order], model=model), "Where are A1 and B1?"
            )

    instrumentor = OpenAIAgentsInstrumentor()
    instrumentor.instrument(tracer_provider=memory.provider("desk", "v1"))
    try:
        asyncio.run(run())
    finally:
        instrumentor.uninstrument()
    (trace,) = memory.take_traces()
    assert said(trace)[:4] == [
        ("system", "You are a desk."),
        ("user", "Where are A1 and B1?"),
        ("assistant", "get_order"),
        ("tool", "12 days"),
    ]
    assert said(trace)[-1] == ("assistant", TOLD)
    assert (trace.agent, trace.version, trace.usage.input_tokens) == ("desk", "v1", 15)
    failed = [step for step in trace.steps if step.kind == "tool"][1]
    assert failed.input == {"order": "B1"}
    assert failed.error.startswith("An error occurred while running the tool.")


def graph(*, thread: str | None):
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.tools import tool
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode, tools_condition

    from loopwright.agent.langgraph import aguard_tool_call, guard_tool_call

    @tool
    def get_order(order: str) -> str:
        """Look an order up."""
        return "12 days"

    asked = {"name": "get_order", "args": {"order": "A1"}, "id": "c1"}
    chat = GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[asked]), AIMessage(TOLD)]))
    made = StateGraph(MessagesState)
    made.add_node("model", lambda state: {"messages": [chat.invoke([("system", "You are a desk."), *state["messages"]])]})
    made.add_node("tools", ToolNode([get_order], wrap_tool_call=guard_tool_call, awrap_tool_call=aguard_tool_call))
    made.add_edge(START, "model")
    made.add_conditional_edges("model", tools_condition)
    made.add_edge("tools", "model")
    return made.compile(), {"messages": [("user", "Where is A1?")]}, {"configurable": {"thread_id": thread}} if thread else {}


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_guarded_langgraph(memory, harness, way):
    from openinference.instrumentation.langchain import LangChainInstrumentor

    app, given, config = graph(thread="t1")
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=memory.provider("desk", "v1"))
    try:
        asyncio.run(app.ainvoke(given, config)) if way == "async" else app.invoke(given, config)
    finally:
        instrumentor.uninstrument()
    (trace,) = memory.take_traces()
    assert [role for role, _ in said(trace)] == ["system", "user", "assistant", "tool", "assistant"]
    assert json.loads(trace.messages[3].text)["blocked"]
    assert trace.session_id == "t1"
    assert [r.event.kind for r in harness.session("t1").records] == ["tool_call"]


def test_a_langgraph_without_guards_is_as_it_was():
    app, given, config = graph(thread=None)
    guarding.use(Harness())
    try:
        assert app.invoke(given, config)["messages"][2].text == "12 days"
    finally:
        guarding.use(None)
