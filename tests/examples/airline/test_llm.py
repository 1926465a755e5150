from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from loopwright.errors import UsageError
from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.setup import Setup, open_agent
from loopwright.guards.guard import ALLOW, GuardDecision
from loopwright.guards.harness import Harness

MODEL = "openai:small-model"


class Service:
    """A server that speaks OpenAI's chat completions, with scripted replies."""

    def __init__(self, *replies: dict[str, Any] | int) -> None:
        self.replies, self.requests = list(replies), list[dict[str, Any]]()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                reply = service.replies.pop(0)
                code, body = (reply, {"error": {"message": "no"}}) if isinstance(reply, int) else (200, _completion(reply))
                self.send_response(code)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def _completion(message: dict[str, Any]) -> dict[str, Any]:
    reason = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": reason}
    usage = {"prompt_tokens": 50, "completion_tokens": 7, "total_tokens": 57}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "small-model", "choices": [choice], "usage": usage}


def _call(name: str, arguments: str, id: str = "call_1") -> dict[str, Any]:
    return {"tool_calls": [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}]}


@pytest.fixture
def serve(monkeypatch) -> Iterator[Any]:
    made: list[Service] = []

    def start(*replies: dict[str, Any] | int) -> Service:
        service = Service(*replies)
        made.append(service)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{service.server.server_port}/v1")
        return service

    yield start
    for service in made:
        service.server.shutdown()
        service.server.server_close()


def test_a_real_model_works_with_the_same_tools(serve) -> None:
    service = serve(_call("lookup_policy", '{"topic": "check-in"}'), {"content": "It opens 24 hours before."})
    agent = open_agent(Setup(model=MODEL), "s1", SimulatedClock(1000.0))
    agent.toolbox.faults.blip = 0.0
    assert agent.turn("When does check-in open?") == "It opens 24 hours before."
    assert agent.tokens == 114
    first, second = service.requests
    assert {tool["function"]["name"] for tool in first["tools"]} == set(agent.toolbox.tools)
    assert [m["role"] for m in first["messages"]] == ["system", "user"]
    assert [m["role"] for m in second["messages"]] == ["system", "user", "assistant", "tool"]
    assert "24 hours" in second["messages"][-1]["content"]
    assert agent.model.fired == frozenset()


def test_arguments_that_are_no_json_are_refused_by_the_tool(serve) -> None:
    serve(_call("lookup_policy", "{topic"), {"content": "Sorry."})
    agent = open_agent(Setup(model=MODEL), "s1", SimulatedClock(1000.0))
    agent.toolbox.faults.blip = 0.0
    assert agent.turn("hello") == "Sorry."
    assert '"error": "invalid"' in next(m["content"] for m in agent.messages if m["role"] == "tool")


def test_the_guards_stand_before_a_real_model_too(serve) -> None:
    class Names:
        name, mode = "names", "enforce"

        def initial(self) -> None:
            return None

        def step(self, state: None, event: Any, now: float) -> tuple[None, GuardDecision]:
            unknown = event.kind == "tool_call" and event.payload["name"] not in event.payload["tools"]
            return None, GuardDecision("block", "no such tool") if unknown else ALLOW

    service = serve(_call("get_weather", "{}"), {"content": "I do not know."})
    agent = open_agent(Setup(model=MODEL, harness=Harness([Names()])), "s1", SimulatedClock(1000.0))
    assert agent.turn("How is the weather?") == "I do not know."
    assert "no such tool" in service.requests[1]["messages"][-1]["content"]


def test_a_service_that_refuses_is_told_of_and_the_customer_gets_an_answer(serve) -> None:
    serve(401)
    agent = open_agent(Setup(model=MODEL), "s1", SimulatedClock(1000.0))
    assert "try again" in agent.turn("hello")
    assert "401" in agent.errors[0]


def test_without_the_extra_it_says_what_to_install(monkeypatch) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "pydantic_ai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)
    with pytest.raises(UsageError, match=r"pip install 'loopwright\[llm\]'"):
        open_agent(Setup(model=MODEL), "s1", SimulatedClock())


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        open_agent(Setup(model="nowhere:model"), "s1", SimulatedClock())
