# ruff: noqa: E501 - spans are wide
"""One small run, as each dialect writes it: asked for an order, a model calls a tool, and tells what it found."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loopwright.collect.record import read_normalised, trace_object
from loopwright.collect.spans import assemble
from loopwright.collect.trace import Span

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASK, SYSTEM, TELL = "Where is A1?", "You are a desk.", "It comes in 12 days."
ARGUMENTS = {"order": "A1"}
CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"order": "A1"}'}}
SPOKEN = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": ASK},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "12 days"},
    {"role": "assistant", "content": TELL},
]


def span(id: str, parent: str | None, at: float, attributes: dict[str, Any], **fields: Any) -> Span:
    begun = NOON + timedelta(seconds=at)
    more = {"resource": {"service.name": "shop", "service.version": "v7"}, **fields}
    return Span("t" * 32, id, more.pop("name", id), parent, started_at=begun, ended_at=begun + timedelta(seconds=0.5),
                attributes=attributes, **more)  # fmt: skip


def run(root: dict, first: dict, tool: dict, second: dict, /, **fields: list) -> list[Span]:
    """The four spans of the run, by their attributes; `fields` are the events of each."""
    names = ("root", "first", "tool", "second")
    parents = (None, "root", "root", "root")
    made = zip(names, parents, (root, first, tool, second), strict=True)
    return [
        span(name, parent, number, attributes, events=tuple(fields.get(name, ())))
        for number, (name, parent, attributes) in enumerate(made)
    ]


def event(name: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "at": None, "attributes": {key.replace("__", "."): value for key, value in attributes.items()}}


def flat(prefix: str, messages: list[dict], inner: str = "") -> dict[str, Any]:
    """Messages as Traceloop flattens them, and, with `message.` between, OpenInference."""
    made: dict[str, Any] = {}
    for n, message in enumerate(messages):
        at = f"{prefix}.{n}.{inner}"
        made[f"{at}role"] = message["role"]
        if message.get("content") is not None:
            made[f"{at}content"] = message["content"]
        if "tool_call_id" in message:
            made[f"{at}tool_call_id"] = message["tool_call_id"]
        for k, call in enumerate(message.get("tool_calls", [])):
            if inner:
                made |= {f"{at}tool_calls.{k}.tool_call.id": call["id"],
                         f"{at}tool_calls.{k}.tool_call.function.name": call["function"]["name"],
                         f"{at}tool_calls.{k}.tool_call.function.arguments": call["function"]["arguments"]}  # fmt: skip
            else:
                made |= {f"{at}tool_calls.{k}.id": call["id"], f"{at}tool_calls.{k}.name": call["function"]["name"],
                         f"{at}tool_calls.{k}.arguments": call["function"]["arguments"]}  # fmt: skip
    return made


def parts(message: dict) -> dict:
    """A chat message as OpenTelemetry's message of parts."""
    found: list[dict] = []
    if message["role"] == "tool":
        found.append({"type": "tool_call_response", "id": message["tool_call_id"], "response": message["content"]})
    elif message["content"] is not None:
        found.append({"type": "text", "content": message["content"]})
    found += [{"type": "tool_call", "id": c["id"], "name": c["function"]["name"], "arguments": json.loads(c["function"]["arguments"])}
              for c in message.get("tool_calls", [])]  # fmt: skip
    return {"role": message["role"], "parts": found}


def blocks(message: dict) -> list[dict]:
    """The content of a chat message as Bedrock's blocks."""
    if message["role"] == "tool":
        return [{"toolResult": {"toolUseId": "c1", "status": "success", "content": [{"text": message["content"]}]}}]
    said = [{"text": message["content"]}] if message["content"] else []
    return said + [{"toolUse": {"toolUseId": "c1", "name": "find", "input": ARGUMENTS}} for _ in message.get("tool_calls", [])]


def langchain(message: dict) -> dict:
    kind = {"system": "SystemMessage", "user": "HumanMessage", "assistant": "AIMessage", "tool": "ToolMessage"}[message["role"]]
    kwargs = {"content": message["content"] or "", "type": {"SystemMessage": "system", "HumanMessage": "human"}.get(kind, "ai")}
    if kind == "ToolMessage":
        kwargs |= {"type": "tool", "tool_call_id": "c1"}
    if message.get("tool_calls"):
        kwargs["tool_calls"] = [{"name": "find", "args": ARGUMENTS, "id": "c1", "type": "tool_call"}]
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": kwargs}


def vercel(message: dict) -> dict:
    if message["role"] == "tool":
        content: Any = [
            {"type": "tool-result", "toolCallId": "c1", "toolName": "find", "output": {"type": "text", "value": "12 days"}}
        ]
    elif message.get("tool_calls"):
        content = [{"type": "tool-call", "toolCallId": "c1", "toolName": "find", "input": ARGUMENTS}]
    else:
        content = message["content"] if message["role"] == "system" else [{"type": "text", "text": message["content"]}]
    return {"role": message["role"], "content": content}


def dumps(value: Any) -> str:
    return json.dumps(value)


def genai_now(structured: bool = False) -> list[Span]:
    write = (lambda value: value) if structured else dumps
    model = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m",
             "gen_ai.system_instructions": write([{"type": "text", "content": SYSTEM}])}  # fmt: skip
    return run(
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk", "gen_ai.conversation.id": "s1", "user.id": "u1"},
        {**model, "gen_ai.input.messages": write([parts(SPOKEN[1])]), "gen_ai.output.messages": write([parts(SPOKEN[2])]),
         "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2, "gen_ai.usage.cache_read.input_tokens": 4,
         "gen_ai.response.id": "r1"},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "gen_ai.tool.call.id": "c1",
         "gen_ai.tool.call.arguments": write(ARGUMENTS), "gen_ai.tool.call.result": "12 days"},
        {**model, "gen_ai.input.messages": write([parts(m) for m in SPOKEN[1:4]]), "gen_ai.output.messages": write([parts(SPOKEN[4])]),
         "gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 3, "gen_ai.response.id": "r2"},
    )  # fmt: skip


def genai_events() -> list[Span]:
    """The generation of 2024 and 2025: an event a message."""
    usage = (
        {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2},
        {"gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 3},
    )
    model = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.response.model": "m"}
    told = [
        event("gen_ai.system.message", content=SYSTEM), event("gen_ai.user.message", content=ASK),
        event("gen_ai.assistant.message", tool_calls=dumps([CALL])), event("gen_ai.tool.message", id="c1", content="12 days"),
    ]  # fmt: skip
    return run(
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk", "gen_ai.conversation.id": "s1", "enduser.id": "u1"},
        {**model, **usage[0]},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "gen_ai.tool.call.id": "c1",
         "tool_arguments": dumps(ARGUMENTS), "tool_response": "12 days"},
        {**model, **usage[1]},
        first=[*told[:2], event("gen_ai.choice", index=0, finish_reason="tool_calls", message=dumps({"role": "assistant", "tool_calls": [CALL]}))],
        second=[*told, event("gen_ai.choice", index=0, message=dumps({"role": "assistant", "content": TELL}))],
    )  # fmt: skip


def azure() -> list[Span]:
    """Azure's SDK and Semantic Kernel: all of a message as JSON in one attribute of an event."""

    def whole(name: str, value: dict) -> dict:
        return event(name, gen_ai__event__content=dumps(value))

    spans = genai_events()
    asked = [
        whole("gen_ai.system.message", {"role": "system", "content": SYSTEM}),
        whole("gen_ai.user.message", {"role": "user", "content": ASK}),
    ]
    first = (*asked, whole("gen_ai.choice", {"index": 0, "message": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}))
    second = (
        *asked,
        whole("gen_ai.assistant.message", {"tool_calls": [CALL]}),
        whole("gen_ai.tool.message", {"id": "c1", "content": "12 days"}),
        whole("gen_ai.choice", {"index": 0, "message": {"content": TELL}}),
    )

    return [spans[0], replace(spans[1], events=first), spans[2], replace(spans[3], events=second)]


def strands() -> list[Span]:
    told = [
        event("gen_ai.user.message", content=dumps([{"text": ASK}])),
        event("gen_ai.assistant.message", content=dumps(blocks(SPOKEN[2]))),
        event("gen_ai.tool.message", content=dumps(blocks(SPOKEN[3]))),
    ]
    model = {"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents", "gen_ai.request.model": "m"}
    return run(
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk", "gen_ai.agent.system_prompt": SYSTEM, "session.id": "s1",
         "user.id": "u1"},
        {**model, "gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "gen_ai.tool.call.id": "c1", "gen_ai.tool.status": "success"},
        {**model, "gen_ai.usage.input_tokens": 20, "gen_ai.usage.completion_tokens": 3},
        root=[told[0], event("gen_ai.choice", message=TELL, finish_reason="end_turn")],
        first=[told[0], event("gen_ai.choice", message=dumps(blocks(SPOKEN[2])), finish_reason="tool_use")],
        tool=[event("gen_ai.tool.message", role="tool", content=dumps(ARGUMENTS), id="c1"),
              event("gen_ai.choice", message=dumps([{"text": "12 days"}]), id="c1")],
        second=[*told, event("gen_ai.choice", message=dumps([{"text": TELL}]), finish_reason="end_turn")],
    )  # fmt: skip


def adk() -> list[Span]:
    """Google's Agent Development Kit: Gemini's requests and responses."""
    contents = [
        {"role": "user", "parts": [{"text": ASK}]},
        {"role": "model", "parts": [{"function_call": {"id": "c1", "name": "find", "args": ARGUMENTS}}]},
        {"role": "user", "parts": [{"function_response": {"id": "c1", "name": "find", "response": {"result": "12 days"}}}]},
    ]

    def request(many: int) -> str:
        return dumps({"model": "m", "config": {"system_instruction": SYSTEM}, "contents": contents[:many]})

    model = {
        "gen_ai.operation.name": "call_llm",
        "gen_ai.system": "gcp.vertex.agent",
        "gen_ai.request.model": "m",
        "gcp.vertex.agent.session_id": "s1",
    }
    return run(
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk", "gen_ai.conversation.id": "s1", "user.id": "u1"},
        {**model, "gcp.vertex.agent.llm_request": request(1), "gcp.vertex.agent.llm_response": dumps({"content": contents[1]}),
         "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2},
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "gen_ai.tool.call.id": "c1",
         "gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": "{}",
         "gcp.vertex.agent.tool_call_args": dumps(ARGUMENTS), "gcp.vertex.agent.tool_response": "12 days"},
        {**model, "gcp.vertex.agent.llm_request": request(3),
         "gcp.vertex.agent.llm_response": dumps({"content": {"role": "model", "parts": [{"text": TELL}]}, "partial": False}),
         "gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 3},
    )  # fmt: skip


def openinference() -> list[Span]:
    def model(given: list, gave: list, prompt: int, completion: int) -> dict:
        return {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": prompt,
                "llm.token_count.completion": completion, **flat("llm.input_messages", given, "message."),
                **flat("llm.output_messages", gave, "message.")}  # fmt: skip

    return run(
        {"openinference.span.kind": "AGENT", "agent.name": "desk", "session.id": "s1", "user.id": "u1", "input.value": ASK, "output.value": TELL},
        model(SPOKEN[:2], SPOKEN[2:3], 10, 2),
        {"openinference.span.kind": "TOOL", "tool.name": "find", "tool.id": "c1", "input.value": dumps(ARGUMENTS), "output.value": "12 days"},
        model(SPOKEN[:4], SPOKEN[4:], 20, 3),
    )  # fmt: skip


def traceloop() -> list[Span]:
    properties = {"traceloop.association.properties.session_id": "s1", "traceloop.association.properties.user_id": "u1"}

    def model(given: list, gave: list, prompt: int, completion: int) -> dict:
        return {"gen_ai.system": "OpenAI", "llm.request.type": "chat", "gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": prompt,
                "gen_ai.usage.completion_tokens": completion, "llm.usage.total_tokens": prompt + completion, "llm.is_streaming": False,
                **flat("gen_ai.prompt", given), **flat("gen_ai.completion", gave), **properties,
                "llm.request.functions.0.name": "find"}  # fmt: skip

    return run(
        {"traceloop.span.kind": "workflow", "traceloop.entity.name": "desk", "traceloop.workflow.name": "desk", **properties,
         "traceloop.entity.input": dumps({"args": [ASK], "kwargs": {}}), "traceloop.entity.output": dumps(TELL)},
        model(SPOKEN[:2], SPOKEN[2:3], 10, 2),
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "find", **properties,
         "traceloop.entity.input": dumps({"args": [], "kwargs": ARGUMENTS}), "traceloop.entity.output": dumps("12 days")},
        model(SPOKEN[:4], SPOKEN[4:], 20, 3),
    )  # fmt: skip


def langfuse() -> list[Span]:
    def model(given: list, gave: dict, tokens: dict) -> dict:
        return {"langfuse.observation.type": "generation", "langfuse.observation.input": dumps(given), "langfuse.observation.output": dumps(gave),
                "langfuse.observation.model.name": "m", "langfuse.observation.usage_details": dumps(tokens)}  # fmt: skip

    return run(
        {"langfuse.observation.type": "agent", "langfuse.trace.name": "chat", "session.id": "s1", "user.id": "u1",
         "langfuse.trace.metadata.tier": "gold", "langfuse.observation.input": dumps({"question": ASK}),
         "langfuse.observation.output": dumps(TELL)},
        model(SPOKEN[:2], SPOKEN[2], {"input": 10, "output": 2, "total": 12, "input_cached_tokens": 4}),
        {"langfuse.observation.type": "tool", "langfuse.observation.input": dumps(ARGUMENTS), "langfuse.observation.output": "12 days"},
        model(SPOKEN[:4], SPOKEN[4], {"input": 20, "output": 3}),
    )  # fmt: skip


def langsmith() -> list[Span]:
    def model(given: list, gave: dict, prompt: int, completion: int) -> dict:
        return {"langsmith.span.kind": "llm", "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "m",
                "gen_ai.prompt": dumps({"messages": given}), "gen_ai.completion": dumps({"choices": [{"index": 0, "message": gave}]}),
                "gen_ai.usage.input_tokens": prompt, "gen_ai.usage.output_tokens": completion}  # fmt: skip

    return run(
        {"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain", "langsmith.trace.name": "desk", "langsmith.metadata.thread_id": "s1",
         "langsmith.metadata.user_id": "u1", "langsmith.trace.session_id": "p9", "langsmith.trace.session_name": "a project",
         "gen_ai.prompt": dumps({"input": ASK}), "gen_ai.completion": dumps({"output": TELL})},
        model([langchain(m) for m in SPOKEN[:2]], SPOKEN[2], 10, 2),
        {"langsmith.span.kind": "tool", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "gen_ai.prompt": dumps(ARGUMENTS),
         "gen_ai.completion": dumps({"output": "12 days"})},
        model(SPOKEN[:4], SPOKEN[4], 20, 3),
    )  # fmt: skip


def vercel_sdk() -> list[Span]:
    shared = {"ai.model.id": "m", "ai.model.provider": "openai.chat", "ai.telemetry.functionId": "desk",
              "ai.telemetry.metadata.sessionId": "s1", "ai.telemetry.metadata.userId": "u1"}  # fmt: skip
    inner = {**shared, "ai.operationId": "ai.generateText.doGenerate", "operation.name": "ai.generateText.doGenerate desk",
             "gen_ai.system": "openai.chat", "gen_ai.request.model": "m", "gen_ai.response.model": "m",
             "ai.prompt.tools": [dumps({"type": "function", "name": "find", "inputSchema": {}})]}  # fmt: skip
    return run(
        {**shared, "ai.operationId": "ai.generateText", "ai.prompt": dumps({"system": SYSTEM, "prompt": ASK}), "ai.response.text": TELL,
         "ai.usage.inputTokens": 30, "ai.usage.outputTokens": 5},
        {**inner, "ai.prompt.messages": dumps([vercel(m) for m in SPOKEN[:2]]), "ai.response.id": "r1",
         "ai.response.toolCalls": dumps([{"type": "tool-call", "toolCallId": "c1", "toolName": "find", "input": dumps(ARGUMENTS)}]),
         "ai.usage.promptTokens": 10, "ai.usage.completionTokens": 2},
        {"ai.operationId": "ai.toolCall", "ai.toolCall.name": "find", "ai.toolCall.id": "c1", "ai.toolCall.args": dumps(ARGUMENTS),
         "ai.toolCall.result": dumps("12 days")},
        {**inner, "ai.prompt.messages": dumps([vercel(m) for m in SPOKEN[:4]]), "ai.response.text": TELL,
         "ai.usage.inputTokens": 20, "ai.usage.outputTokens": 3},
    )  # fmt: skip


def mlflow() -> list[Span]:
    def model(given: list, gave: dict, prompt: int, completion: int) -> dict:
        return {"mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": dumps({"messages": given, "model": "m"}),
                "mlflow.spanOutputs": dumps({"choices": [{"message": gave}], "model": "m"}),
                "mlflow.llm.model": "m", "mlflow.chat.tokenUsage": dumps({"input_tokens": prompt, "output_tokens": completion})}  # fmt: skip

    return run(
        {"mlflow.spanType": '"AGENT"', "mlflow.trace.session": "s1", "mlflow.trace.user": "u1", "mlflow.spanInputs": dumps({"question": ASK}),
         "mlflow.spanOutputs": dumps(TELL)},
        model(SPOKEN[:2], SPOKEN[2], 10, 2),
        {"mlflow.spanType": '"TOOL"', "mlflow.spanFunctionName": "find", "mlflow.spanInputs": dumps(ARGUMENTS), "mlflow.spanOutputs": dumps("12 days")},
        model(SPOKEN[:4], SPOKEN[4], 20, 3),
    )  # fmt: skip


DIALECTS = {
    "genai": genai_now(), "genai structured": genai_now(structured=True), "genai events": genai_events(), "azure": azure(),
    "adk": adk(), "openinference": openinference(), "traceloop": traceloop(), "langfuse": langfuse(), "langsmith": langsmith(),
    "vercel": vercel_sdk(), "mlflow": mlflow(), "strands": strands(),
}  # fmt: skip


@pytest.mark.parametrize("name", DIALECTS)
def test_the_same_run_in_every_dialect(name):
    (trace,) = assemble(DIALECTS[name])
    said = [(m.role, m.text, [(c.name, c.arguments) for c in m.tool_calls]) for m in trace.messages]
    result = '{"result":"12 days"}' if name == "adk" else "12 days"
    system = [] if name == "strands" else [("system", SYSTEM, [])]
    assert said == [
        *system,
        ("user", ASK, []),
        ("assistant", "", [("find", ARGUMENTS)]),
        ("tool", result, []),
        ("assistant", TELL, []),
    ]
    assert (trace.session_id, trace.user_id, trace.version) == ("s1", "u1", "v7")
    assert trace.agent == {"langfuse": "shop", "langsmith": "shop", "mlflow": "shop"}.get(name, "desk")
    assert [step.kind for step in trace.steps] == [trace.steps[0].kind, "model", "tool", "model"]
    assert trace.steps[0].kind == ("other" if name == "langsmith" else "agent")
    tool = trace.steps[2]
    assert (tool.input, tool.output, tool.error) == (ARGUMENTS, "12 days", None)
    assert tool.name == ("tool" if name == "langfuse" else "find")
    assert (trace.usage.input_tokens, trace.usage.output_tokens) == (30, 5)
    assert [step.model for step in trace.steps if step.kind == "model"] == ["m", "m"]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_normalised_run_is_read_back_as_it_was(name):
    (trace,) = assemble(DIALECTS[name])
    assert read_normalised(json.loads(json.dumps(trace_object(trace)))) == trace


@pytest.mark.parametrize("name", DIALECTS)
def test_no_attribute_vanishes(name):
    """What is added to a span of any dialect stays with its step, or with the trace where it is the outermost span."""

    spans = [
        replace(s, attributes={**s.attributes, "my.own": s.span_id, "gen_ai.of.tomorrow": s.span_id}) for s in DIALECTS[name]
    ]
    (trace,) = assemble(spans)
    for step, held in zip(trace.steps, [trace.attributes, *(step.attributes for step in trace.steps[1:])], strict=True):
        assert (held["my.own"], held["gen_ai.of.tomorrow"]) == (step.span_id, step.span_id)


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"input": 6, "output": 2, "input_cached_tokens": 4, "total": 12}, (10, 2, 4)),
        ({"input": 10, "output": 2, "input_cached_tokens": 4, "total": 12}, (10, 2, 4)),
        ({"input": 6, "output": 2, "cache_read_input_tokens": 4}, (10, 2, 4)),
        ({"input": 6, "output": 2, "output_reasoning_tokens": 5}, (6, 7, None)),
        ({"prompt_tokens": "6", "completion_tokens": 2.0}, (6, 2, None)),
        ([], (None, None, None)),
    ],
)
def test_langfuse_counts_cached_tokens_beside_the_others(details, expected):
    attributes = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": dumps(details)}
    (trace,) = assemble([span("a", None, 0, attributes)])
    assert (trace.usage.input_tokens, trace.usage.output_tokens, trace.usage.cache_read_tokens) == expected
