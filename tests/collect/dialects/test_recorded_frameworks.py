"""Spans that real instrumentations exported, reduced to the attributes that matter; each test names what emitted them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from loopwright.collect.spans import assemble_one
from loopwright.collect.trace import Span

START = datetime(2026, 1, 1, tzinfo=UTC)


def span(id, parent=None, name="", *, error=None, events=(), at=0, **attributes):
    """A span that began `at` seconds in and lasted one, or of the outermost as long as the trace."""
    return Span(
        trace_id="t", span_id=id, name=name or id, parent_id=parent, status="error" if error else "unset",
        status_message=error or "", attributes={key.replace("__", "."): value for key, value in attributes.items()},
        events=tuple(events), started_at=START + timedelta(seconds=at),
        ended_at=START + timedelta(seconds=at + 1 if parent else 60),
    )  # fmt: skip


def oi(id, parent=None, kind="LLM", name="", *, error=None, at=0, **attributes):
    flat = attributes.pop("flat", {})
    made = span(id, parent, name, error=error, at=at, **attributes)
    made.attributes.update({"openinference.span.kind": kind, **flat})
    return made


def said(trace):
    return [(m.role, m.text or ",".join(c.name for c in m.tool_calls)) for m in trace.messages]


def step(trace, name):
    return next(step for step in trace.steps if name in (step.name, step.span_id))


def test_a_retriever_reranker_guardrail_and_embedding_keep_their_values():
    """openinference-instrumentation 0.1.72 (manual spans) with openinference-instrumentation-openai 0.1.66."""
    document = {
        "retrieval.documents.0.document.content": "30 days", "retrieval.documents.0.document.id": "d1",
        "retrieval.documents.0.document.score": 0.9, "retrieval.documents.0.document.metadata": '{"page": 1}',
    }  # fmt: skip
    reranked = {"reranker.output_documents.0.document.content": "30 days", "reranker.input_documents.0.document.content": "30"}
    trace = assemble_one(
        [
            oi("rag", kind="CHAIN", input__value="What is the rule?", output__value="30 days."),
            oi("retrieve", "rag", "RETRIEVER", at=1, input__value="refund rule", flat=document),
            oi("rerank", "rag", "RERANKER", at=2, reranker__query="refund rule", reranker__model_name="ranker-1", flat=reranked),
            oi("moderate", "rag", "GUARDRAIL", at=3, input__value="What is the rule?", output__value='{"flagged": false}'),
            oi("embed", "rag", "EMBEDDING", at=4, embedding__model_name="embedder-3"),
        ]
    )
    found = step(trace, "retrieve")
    assert (found.kind, found.input) == ("retrieval", "refund rule")
    assert found.output == [{"content": "30 days", "id": "d1", "metadata": {"page": 1}, "score": 0.9}]
    assert (step(trace, "rerank").input, step(trace, "rerank").output) == ("refund rule", [{"content": "30 days"}])
    assert (step(trace, "rerank").model, step(trace, "embed").model) == ("ranker-1", "embedder-3")
    assert (step(trace, "moderate").input, step(trace, "moderate").output) == ("What is the rule?", {"flagged": False})


def test_flattened_contents_are_text_and_images():
    """openinference-instrumentation-openai 0.1.66, chat completions and responses."""
    one, other = "llm.input_messages.0.message", "llm.output_messages.0.message"
    flat = {
        f"{one}.role": "user",
        f"{one}.contents.0.message_content.type": "text",
        f"{one}.contents.0.message_content.text": "hello",
        f"{one}.contents.1.message_content.type": "image",
        f"{one}.contents.1.message_content.image.image.url": "https://example.org/a.png",
        f"{other}.role": "assistant",
        f"{other}.contents.0.message_content.type": "text",
        f"{other}.contents.0.message_content.text": "Hi.",
    }
    trace = assemble_one([oi("chat", llm__model_name="gpt-4o-mini", flat=flat)])
    user, answer = trace.messages
    assert user.content == [
        {"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]  # fmt: skip
    assert answer.content == "Hi."


def test_a_graph_of_langchain_names_its_agent_and_fails_without_an_answer():
    """openinference-instrumentation-langchain 0.1.80, langchain 1.5.2: `create_agent(name="desk")`; the model refused."""
    metadata = json.dumps({"lc_agent_name": "desk", "thread_id": "t1"})
    asked = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "Hello?"}
    empty = {"llm.output_messages.0.message.role": "assistant"}
    root = oi("desk", kind="CHAIN", metadata=metadata, input__value='{"messages": [["user", "Hello?"]]}', error="refused")
    trace = assemble_one([root, oi("chat", "desk", error="refused", metadata=metadata, flat=asked | empty)])
    assert (trace.agent, trace.error) == ("desk", "refused")
    assert said(trace) == [("user", "Hello?")]
    assert [message["content"] for message in step(trace, "desk").input] == ["Hello?"]


def call(side, place, number, name):
    prefix = f"llm.{side}_messages.{place}.message"
    tool = f"{prefix}.tool_calls.{number}.tool_call"
    return {f"{prefix}.role": "assistant", f"{tool}.id": name, f"{tool}.function.name": name, f"{tool}.function.arguments": "{}"}


def flat(side, *messages):
    return {
        f"llm.{side}_messages.{place}.message.{key}": value for place, item in messages for key, value in item.items()
    }  # fmt: skip


def test_calls_that_a_history_lists_one_by_one_are_one_answer():
    """openinference-instrumentation-openai-agents 2.6.0, openai-agents 0.24.0: two calls of the Responses API at once."""
    system, user = {"role": "system", "content": "You are a desk."}, {"role": "user", "content": "find and cancel"}
    results = ((4, {"role": "tool", "tool_call_id": "find", "content": "12 days"}),
               (5, {"role": "tool", "tool_call_id": "cancel", "content": "failed"}))  # fmt: skip
    first = flat("input", (0, system), (1, user)) | call("output", 0, 0, "find") | call("output", 0, 1, "cancel")
    again = flat("input", (0, system), (1, user), *results) | call("input", 2, 0, "find") | call("input", 3, 0, "cancel")
    trace = assemble_one(
        [
            oi("desk", kind="AGENT", agent__name="desk"),
            oi("one", "desk", at=1, flat=first),
            oi("two", "desk", at=9, flat=again | flat("output", (0, {"role": "assistant", "content": "12 days."}))),
        ]
    )
    assert said(trace) == [
        ("system", "You are a desk."), ("user", "find and cancel"), ("assistant", "find,cancel"), ("tool", "12 days"),
        ("tool", "failed"), ("assistant", "12 days."),
    ]  # fmt: skip


def test_an_error_that_ended_the_run_is_the_traces_though_the_outermost_span_tells_none():
    """openinference-instrumentation-openai-agents 2.6.0: the model refused, a guardrail tripped; a hand-off keeps its names."""
    root, agent = oi("workflow", kind="AGENT"), oi("desk", "workflow", "AGENT", agent__name="desk", error="Error in agent run")
    assert assemble_one([root, agent, oi("model", "desk", error="refused")]).error == "Error in agent run"
    tripped = oi("turn", "workflow", "CHAIN", error="Guardrail tripwire triggered")
    assert assemble_one([root, tripped]).error == "Guardrail tripwire triggered"
    handed = oi("handoff", "workflow", "TOOL", "handoff to refunds", input__value="desk", output__value="refunds")
    found = assemble_one([root, handed]).steps[1]
    assert (found.kind, found.input, found.output) == ("handoff", "desk", "refunds")


def test_an_error_after_which_something_was_said_is_not_the_traces():
    refused = oi("first", "desk", at=1, error="refused")
    answered = oi("second", "desk", at=5, flat=flat("output", (0, {"role": "assistant", "content": "Hi."})))
    failed_tool = oi("find", "desk", "TOOL", at=8, error="no such order", tool__name="find")
    assert assemble_one([oi("desk", kind="AGENT"), refused, answered, failed_tool]).error is None


def chat(id, given, gave, *, at=0, parent="agent", **attributes):
    content = {"gen_ai.input.messages": json.dumps(given), "gen_ai.output.messages": json.dumps(gave)}
    made = span(id, parent, at=at)
    made.attributes.update({"gen_ai.operation.name": "chat", **content, **attributes})
    return made


def text(role, content):
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def test_instructions_stand_beside_a_system_prompt():
    """pydantic-ai-slim 2.68.0, versions 2 to 6 of its instrumentation: `system_prompt` is a message, `instructions` are not."""
    instructions = json.dumps([{"type": "text", "content": "Be kind."}])
    given = [text("system", "You are a desk."), text("user", "Where is A1?")]
    agent = span("agent", gen_ai__operation__name="invoke_agent", agent_name="desk", metadata='{"tier": "gold"}')
    agent.attributes["gen_ai.aggregated_usage.cache_read.input_tokens"] = 8
    agent.attributes["gen_ai.aggregated_usage.details.reasoning_tokens"] = 4
    trace = assemble_one(
        [agent, chat("chat", given, [text("assistant", "12 days.")], **{"gen_ai.system_instructions": instructions})]
    )
    assert said(trace)[:3] == [("system", "You are a desk."), ("system", "Be kind."), ("user", "Where is A1?")]
    assert (trace.agent, trace.attributes["tier"]) == ("desk", "gold")
    assert (step(trace, "desk").usage.cache_read_tokens, step(trace, "desk").usage.reasoning_tokens) == (8, 4)
    again = chat(
        "chat", given, [], **{"gen_ai.system_instructions": json.dumps([{"type": "text", "content": "You are a desk."}])}
    )
    assert said(assemble_one([again])) == [("system", "You are a desk."), ("user", "Where is A1?")]


def test_a_tool_that_tells_no_content_is_given_that_of_the_conversation():
    """google-adk 2.13.0: content is in the events of the model's calls alone, not on the spans of tools."""
    asked = {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "find", "arguments": {"order": "A1"}}]}
    answer = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"days": 12}}]}
    user = text("user", "Where is A1?")
    tool = span(
        "tool", "agent", at=3, gen_ai__operation__name="execute_tool", gen_ai__tool__name="find", gen_ai__tool__call__id="c1"
    )
    trace = assemble_one(
        [
            span("agent", gen_ai__operation__name="invoke_agent", gen_ai__agent__name="desk"),
            chat("one", [user], [asked], at=1),
            tool,
            chat("two", [user, asked, answer], [text("assistant", "12 days.")], at=5),
        ]
    )
    assert (step(trace, "find").input, step(trace, "find").output) == ({"order": "A1"}, '{"days":12}')


def test_thoughts_of_gemini_are_not_what_it_said():
    """google-adk 1.14.1: the whole response is an attribute, its thoughts are marked."""
    parts = [{"text": "thinking it over", "thought": True}, {"text": "12 days."}]
    response = json.dumps({"content": {"role": "model", "parts": parts}})
    request = json.dumps({"model": "gemini-2.5-flash", "contents": [{"role": "user", "parts": [{"text": "Where is A1?"}]}]})
    model = span("call_llm", gen_ai__request__model="gemini-2.5-flash")
    model.attributes.update({"gcp.vertex.agent.llm_request": request, "gcp.vertex.agent.llm_response": response})
    assert said(assemble_one([model])) == [("user", "Where is A1?"), ("assistant", "12 days.")]


def test_a_result_of_one_block_is_its_text():
    """strands-agents 1.62.0 under `gen_ai_latest_experimental`."""
    output = json.dumps(
        [{"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": [{"text": "12 days"}]}]}]
    )
    tool = span("tool", gen_ai__operation__name="execute_tool", gen_ai__tool__name="find")
    for name, value in (("gen_ai.output.messages", output), ("gen_ai.tool.call.result", '[{"text": "12 days"}]')):
        tool.attributes.pop("gen_ai.output.messages", None)
        tool.attributes[name] = value
        assert assemble_one([tool]).steps[0].output == "12 days"


def test_models_are_named_as_their_calls_name_them():
    """ai 6.0.326: the span of a call of the SDK tells the model asked for, those within it the one that answered."""
    whole = span("whole", ai__operationId="ai.generateText", ai__model__id="gpt-4o-mini")
    whole.attributes["ai.telemetry.functionId"] = "desk"
    inner = span("inner", "whole", ai__operationId="ai.generateText.doGenerate", ai__model__id="gpt-4o-mini")
    inner.attributes["ai.response.model"] = "gpt-4o-mini-2024-07-18"
    trace = assemble_one([whole, inner])
    assert (trace.agent, trace.attributes["models"]) == ("desk", ["gpt-4o-mini-2024-07-18"])


def test_what_a_framework_printed_is_no_message_and_a_tool_is_told_by_its_call():
    """openinference-instrumentation-llama-index 4.6.1, llama-index-core 0.14.25: spans of the kind LLM around the call itself."""
    printed = ["ChatMessage(role=<MessageRole.USER: 'user'>, additional_kwargs={}, blocks=[TextBlock(text='Where is A1?')])"]
    around = json.dumps({"tools": ["<FunctionTool object>"], "user_msg": None, "chat_history": printed})
    result = {"blocks": [{"text": "12 days"}], "tool_name": "find", "raw_output": "12 days", "is_error": False}
    inner = flat("input", (0, {"role": "user", "content": "Where is A1?"}))
    trace = assemble_one(
        [
            oi("run", kind="CHAIN"),
            oi("prepare", "run", at=1, input__value=around, output__value=json.dumps({"messages": printed})),
            oi("outer", "run", at=2, input__value=json.dumps({"messages": printed})),
            oi("inner", "outer", at=2, flat=inner | flat("output", (0, {"role": "assistant", "content": "12 days."}))),
            oi("find", "run", "TOOL", at=4, input__value='{"kwargs": {"order": "A1"}}', output__value=json.dumps(result)),
            oi("printed", "run", "TOOL", at=5, input__value='{"args": [], "sanitize": true, "kwargs": {"order": "A1"}}'),
        ]
    )
    assert said(trace) == [("user", "Where is A1?"), ("assistant", "12 days.")]
    assert step(trace, "prepare").input["chat_history"] == printed
    assert (step(trace, "find").input, step(trace, "find").output) == ({"order": "A1"}, "12 days")
    assert step(trace, "printed").input == {"order": "A1"}
