# ruff: noqa: E501 - programs in strings
"""Agents of three frameworks, each with its true instrumentation, sending to a running `loopwright serve`; and their feedback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopwright import wiring
from loopwright.settings import load
from serving import Served, loopwright_serve

TESTS = Path(__file__).parents[1]

OPENAI = """
import asyncio, sys
sys.path.insert(0, "AGENT_TESTS")
import httpx, openai, loopwright
from test_frameworks import TOLD, openai_answers
from agents import Agent, OpenAIResponsesModel, Runner, function_tool
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

made = loopwright.instrument("desk", "v1")
OpenAIAgentsInstrumentor().instrument(tracer_provider=made.provider)

@function_tool
def get_order(order: str) -> str:
    "Look an order up."
    return "12 days"

async def run():
    async with httpx.AsyncClient(transport=openai_answers("responses")) as http:
        client = openai.AsyncOpenAI(api_key="none", base_url="http://model/v1", http_client=http)
        model = OpenAIResponsesModel("m", openai_client=client)
        return await Runner.run(Agent(name="desk", instructions="You are a desk.", tools=[get_order], model=model), "Where are A1 and B1?")

print(asyncio.run(run()).final_output)
"""

LANGGRAPH = """
import sys
sys.path.insert(0, "AGENT_TESTS")
import loopwright
from test_frameworks import graph
from openinference.instrumentation.langchain import LangChainInstrumentor

made = loopwright.instrument("desk", "v1")
LangChainInstrumentor().instrument(tracer_provider=made.provider)
app, given, config = graph(thread="t1")
print(app.invoke(given, config)["messages"][-1].content)
"""

PYDANTIC_AI = """
import asyncio
import loopwright
from loopwright.agent.tracing import session
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

loopwright.instrument("desk", "v1")
Agent.instrument_all()
desk = Agent(TestModel(custom_output_text="It came 12 days ago."), name="desk", system_prompt="You are a desk.")

@desk.tool_plain
def get_order(order: str) -> str:
    return "12 days"

with session("t1"):
    print(desk.run_sync("Where is A1?").output)
"""

FRAMEWORKS = {"openai-agents": OPENAI, "langgraph": LANGGRAPH, "pydantic-ai": PYDANTIC_AI}


def run(code: str, server: Served, folder: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LOOPWRIGHT_", "OTEL_"))}
    environment |= {"LOOPWRIGHT_ENDPOINT": server.url, "OPENAI_AGENTS_DISABLE_TRACING": "0", "PYTHONPATH": str(TESTS)}
    code = code.replace("AGENT_TESTS", str(TESTS / "agent"))
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def text(message: dict) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else "" if content is None else str(content)


@pytest.mark.parametrize("framework", sorted(FRAMEWORKS))
def test_a_framework_is_read_whole(framework, tmp_path):
    with loopwright_serve(tmp_path) as server:
        said = run(FRAMEWORKS[framework], server, tmp_path)
        (found,) = server.settled(1)
        trace = found.get("trace", found)
    roles = [message["role"] for message in trace["messages"]]
    assert roles[:2] == ["system", "user"]
    assert "tool" in roles
    assert text(trace["messages"][-1]) == said
    assert (trace["version"], trace["error"]) == ("v1", None)
    assert "tool" in {step["kind"] for step in trace["steps"]}
    assert "model" in {step["kind"] for step in trace["steps"]}
    if framework != "openai-agents":
        assert trace["session_id"] == "t1"


STREAMING = """
import asyncio, sys
import loopwright
from loopwright.agent.feedback import flush, sending
from loopwright.agent.tracing import agent, current_trace_id, tool

made = loopwright.instrument("desk", "v1")
loopwright.feedback({"correction": "June"}, trace_id=sys.argv[1] if len(sys.argv) > 1 else "none-yet")
ids = []

@tool
async def get_order(order):
    yield "12 "
    yield "days"

@agent
async def answer(question, session_id=None):
    ids.append(current_trace_id())
    loopwright.feedback({"score": 0.5}, comment="from within")
    days = "".join([chunk async for chunk in get_order("A1")])
    yield "It came "
    yield f"{days} ago."

async def main():
    print("".join([chunk async for chunk in answer("Where is A1?", session_id="s1")]))

asyncio.run(main())
loopwright.feedback("down", trace_id=ids[0], comment="wrong date")
loopwright.feedback({"rating": 1}, session_id="s1")
assert made.flush()
assert flush(), sending()
assert sending() == (4, 0), sending()
"""


def test_a_streaming_agent_and_its_feedback_arrive(tmp_path):
    with loopwright_serve(tmp_path) as server:
        assert run(STREAMING, server, tmp_path) == "It came 12 days ago."
        (found,) = server.settled(1)
        trace = found.get("trace", found)
    assert [text(message) for message in trace["messages"] if message["role"] == "assistant"][-1] == "It came 12 days ago."
    assert {item["comment"] for item in trace["feedback"]} >= {"wrong date", "from within"}
    assert {item["kind"] for item in trace["feedback"]} == {"thumb", "evaluation", "rating"}


def test_a_server_with_keys_takes_the_token_and_refuses_without(tmp_path):
    store = ["--store", f"sqlite:///{tmp_path / 'served.db'}"]
    environment = {**os.environ, "LOOPWRIGHT_STORE_URL": store[1]}
    command = [sys.executable, "-m", "loopwright", "keys", "create", "--ingest", "desk"]
    made = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    token = made.stdout.strip()
    agent = """
import loopwright
from loopwright.agent.feedback import flush, sending
from loopwright.agent.tracing import agent
made = loopwright.instrument("desk", "v1", token=TOKEN)

@agent
def answer(question): return "yes"

answer("?")
loopwright.feedback("up", session_id="s1")
made.flush()
flush()
print(*sending())
"""
    with loopwright_serve(tmp_path) as server:
        assert run(agent.replace("TOKEN", repr(token)), server, tmp_path) == "1 0"
        assert run(agent.replace("TOKEN", "'wrong'"), server, tmp_path) == "0 1"
    with wiring.store(load({"store.url": store[1]}, environ={})) as kept:
        assert kept.count_spans() == 1
