"""The real client against a real server on this machine."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import Any

import pytest

from loopwright import wiring
from loopwright.adapters.llm.language_model import LanguageModel
from loopwright.effects import Reply, Request
from loopwright.errors import MissingExtraError, UsageError
from loopwright.settings import Settings
from openai_server import Fault, OpenAIServer

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
ASKED = Request("how many?", "count things", SCHEMA)


def ask(server: OpenAIServer, request: Request = ASKED, **options: Any) -> Reply:
    model = LanguageModel("openai:gpt-4.1-mini", **{"base_url": server.url, "retries": 1, **options})
    return asyncio.run(model.complete(request))


def test_a_structured_reply_comes_with_its_value_tokens_and_price(openai_server: OpenAIServer) -> None:
    openai_server.script({"a": 3})
    reply = ask(openai_server)

    assert reply == Reply('{"a": 3}', {"a": 3}, "openai:gpt-4.1-mini", reply.cost_usd, 100, 20)
    assert reply.cost_usd is not None
    assert 0 < reply.cost_usd < 0.01
    (received,) = openai_server.received
    assert received.prompt == "how many?"
    asked = received.body["response_format"]["json_schema"]
    assert (asked["schema"], asked["strict"], asked["name"]) == (SCHEMA, True, "count_things")


def test_text_is_asked_for_without_a_schema(openai_server: OpenAIServer) -> None:
    openai_server.script("three")
    reply = ask(openai_server, replace(ASKED, schema=None))
    assert (reply.text, reply.value, reply.error) == ("three", None, None)
    assert "response_format" not in openai_server.received[0].body


def test_a_structured_reply_that_is_no_json_has_no_value(openai_server: OpenAIServer) -> None:
    openai_server.script("three, I think")
    reply = ask(openai_server)
    assert (reply.text, reply.value, reply.error) == ("three, I think", None, None)


def test_a_service_without_structured_output_is_asked_without_it(openai_server: OpenAIServer) -> None:
    openai_server.script(Fault.status(400, "response_format is not supported"), {"a": 1})
    assert ask(openai_server).value == {"a": 1}
    assert ["response_format" in one.body for one in openai_server.received] == [True, False]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_what_fails_for_a_moment_is_tried_again(openai_server: OpenAIServer, code: int) -> None:
    openai_server.script(Fault.status(code), {"a": 1})
    assert ask(openai_server).value == {"a": 1}
    assert len(openai_server.received) == 2


@pytest.mark.parametrize(
    ("fault", "told", "tries"),
    [
        (Fault.status(500, "on fire"), "openai:gpt-4.1-mini: status 500: on fire", 2),
        (Fault.status(429, "slow down"), "status 429: slow down", 2),
        (Fault.status(401, "no such key"), "status 401: no such key", 1),
        (Fault.malformed(), "Failed to decode response", 1),
        (Fault.silence(1.0), "timed out", 2),
        ("", "answered without text", 1),
    ],
)
def test_a_failure_is_a_reply_that_says_why(openai_server: OpenAIServer, fault: Any, told: str, tries: int) -> None:
    openai_server.script(fault)
    reply = ask(openai_server, timeout_s=0.2)
    assert reply.error is not None
    assert told in reply.error
    assert "\n" not in reply.error
    assert len(openai_server.received) == tries


def test_a_service_that_is_not_there_is_a_reply_too() -> None:
    reply = asyncio.run(LanguageModel("openai:m", base_url="http://127.0.0.1:9/v1", retries=0).complete(ASKED))
    assert reply.error == "openai:m: Connection error."


def test_a_model_without_a_listed_price_has_no_cost(openai_server: OpenAIServer) -> None:
    openai_server.script("x")
    reply = asyncio.run(LanguageModel("openai:my-own", base_url=openai_server.url).complete(ASKED))
    assert (reply.cost_usd, reply.input_tokens, reply.error) == (None, 100, None)


def test_one_model_answers_in_several_event_loops(openai_server: OpenAIServer) -> None:
    model = wiring.model("openai:m", Settings({"model.base_url": openai_server.url}))
    assert [asyncio.run(model.complete(ASKED)).text for _ in range(2)] == ["ok", "ok"]


def test_the_key_comes_from_the_environment(openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    ask(openai_server)
    assert openai_server.received[0].headers["authorization"] == "Bearer from-the-environment"


@pytest.mark.parametrize(
    ("name", "base_url", "told"),
    [
        ("gpt-4.1", "", "names no provider; give provider:model"),
        ("openai:", "", "names no provider"),
        ("nonsense:x", "", "Unknown model: nonsense:x"),
        ("openai:gpt-4.1", "", "set OPENAI_API_KEY"),
        ("anthropic:x", "http://127.0.0.1:9", "model.base_url is for openai: models"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_at_the_door(name: str, base_url: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        LanguageModel(name, base_url=base_url)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai.exceptions", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'loopwright\[llm\]'"):
        LanguageModel("openai:m", base_url="http://127.0.0.1:9/v1")
