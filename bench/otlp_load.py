"""The load of the ingest benchmarks: agent traces as OTLP requests, and processes that send them."""

from __future__ import annotations

import gzip
import http.client
import json
import multiprocessing
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

SPANS = 10
"""Spans of a trace: an agent, four calls of a model, five of tools."""

HEADERS = {"content-type": "application/x-protobuf"}
_WORDS = tuple(
    """
about account actually address afternoon again airport already amount another answer arrive bag balance because before
booking business cabin cancel card change charge check class city confirm connection cost customer date day delay departure
detail different difference direct discount economy either email error evening every exactly expected fare fee final find
first flight for from full gate give going good help hour hotel insurance itinerary journey know last later leave line look
luggage make manage member message might minute money month morning name need next night number offer online only option
order original other passenger payment people phone please points policy possible price problem process purchase question
reason receipt refund regular reply request reservation return reward room same seat second see send service should since
something soon sorry standard status still system thank that their then there these they thing think this those ticket time
today together tomorrow total travel trip understand until update upgrade user valid very voucher wait want week when where
which while with without work would year yesterday your
""".split()  # noqa: SIM905 - readable
)
_TOOLS = ("search_flights", "get_user", "get_reservation", "cancel_reservation", "book_flight", "calculate", "send_certificate")
_NAMES = ("Amelia", "Chen", "Fatima", "Ivan", "Jorge", "Lucia", "Mohamed", "Noah", "Olga", "Raj", "Sofia", "Yuki")
_ORDER = ("model", "tool", "model", "tool", "tool", "model", "tool", "tool", "model")


class Sent(NamedTuple):
    """What a sender tells: spans acknowledged, how often it was told to come again, and seconds of each request."""

    acknowledged: int
    again: int
    seconds: list[float]


def pair(key: str, value: str | int | float | bool) -> KeyValue:
    """One attribute."""
    if isinstance(value, bool):
        return KeyValue(key=key, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    if isinstance(value, float):
        return KeyValue(key=key, value=AnyValue(double_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=value))


def trace(rng: random.Random, number: int, start: int) -> list[Span]:
    """One conversation turn: models are told what was said before, as instrumentations write it; one in twenty has an error."""
    talk = _Talk(rng)
    trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
    question = talk.said(150)
    history: list[dict[str, Any]] = [_message("system", talk.said(640)), _message("user", question)]
    failing = rng.randrange(5) if rng.random() < 0.05 else -1
    spans, at, tool = [], start + 1_000_000, 0
    for kind in _ORDER:
        took = rng.randrange(200, 2500) if kind == "model" else rng.randrange(5, 400)
        times = {"start_time_unix_nano": at, "end_time_unix_nano": at + took * 1_000_000}
        ids = {"trace_id": trace_id, "span_id": rng.randbytes(8), "parent_span_id": root_id}
        if kind == "model":
            spans.append(_model(talk, history, ids | times))
        else:
            spans.append(_tool(talk, history, ids | times, failed=tool == failing))
            tool += 1
        at += (took + 2) * 1_000_000
    root = Span(
        trace_id=trace_id, span_id=root_id, name="invoke_agent airline", kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=start, end_time_unix_nano=at, status=Status(code=Status.STATUS_CODE_OK),
        attributes=[
            pair("gen_ai.operation.name", "invoke_agent"), pair("gen_ai.agent.name", "airline"),
            pair("gen_ai.conversation.id", f"conversation-{number // 3}"), pair("user.id", f"user-{number % 997}"),
            pair("gen_ai.input.messages", json.dumps(history[1:2])), pair("gen_ai.output.messages", json.dumps(history[-1:])),
        ],
    )  # fmt: skip
    return [*spans, root]


def _model(talk: _Talk, history: list[dict[str, Any]], fields: dict[str, Any]) -> Span:
    reply = _message("assistant", talk.said(180))
    given, gave = json.dumps(history), json.dumps([reply])
    history.append(reply)
    return Span(
        **fields, name="chat gpt-4.1-mini", kind=Span.SPAN_KIND_CLIENT, status=Status(code=Status.STATUS_CODE_OK),
        attributes=[
            pair("gen_ai.operation.name", "chat"), pair("gen_ai.provider.name", "openai"),
            pair("gen_ai.request.model", "gpt-4.1-mini"), pair("gen_ai.response.model", "gpt-4.1-mini-2025-04-14"),
            pair("gen_ai.response.id", f"chatcmpl-{talk.rng.randbytes(12).hex()}"),
            pair("gen_ai.request.temperature", 0.2), pair("gen_ai.usage.input_tokens", len(given) // 4),
            pair("gen_ai.usage.output_tokens", len(gave) // 4), pair("gen_ai.response.finish_reasons", "stop"),
            pair("server.address", "api.openai.com"), pair("gen_ai.input.messages", given), pair("gen_ai.output.messages", gave),
        ],
    )  # fmt: skip


def _tool(talk: _Talk, history: list[dict[str, Any]], fields: dict[str, Any], failed: bool) -> Span:
    rng = talk.rng
    name, call = rng.choice(_TOOLS), f"call_{rng.randbytes(12).hex()}"
    arguments = json.dumps({"reservation_id": f"R{rng.randrange(36**5):05X}", "query": talk.said(60), "limit": 20})
    result = json.dumps({"status": "ok", "amount": rng.randrange(90_000) / 100, "owner": talk.owner(), "note": talk.said(200)})
    history.append({"role": "tool", "parts": [{"type": "tool_call_response", "id": call, "result": result}]})
    status = Status(code=Status.STATUS_CODE_ERROR, message="TimeoutError: upstream timed out after 30s") if failed else Status()
    return Span(
        **fields, name=f"execute_tool {name}", kind=Span.SPAN_KIND_INTERNAL, status=status,
        attributes=[
            pair("gen_ai.operation.name", "execute_tool"), pair("gen_ai.tool.name", name), pair("gen_ai.tool.call.id", call),
            pair("gen_ai.tool.type", "function"), pair("gen_ai.tool.call.arguments", arguments),
            pair("gen_ai.tool.call.result", result), *([pair("error.type", "TimeoutError")] if failed else []),
        ],
    )  # fmt: skip


class _Talk:
    """Made-up text, of which some names people, as production's does."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def said(self, size: int) -> str:
        """About so many characters."""
        words: list[str] = []
        while size > 0:
            words.append(self.rng.choice(_WORDS) if self.rng.random() < 0.95 else str(self.rng.randrange(10_000)))
            size -= len(words[-1]) + 1
        if self.rng.random() < 0.05:
            words.append(self.person())
        return " ".join(words)

    def owner(self) -> str:
        """A name, in one of five results with more of the person."""
        return self.person() if self.rng.random() < 0.2 else self.rng.choice(_NAMES)

    def person(self) -> str:
        """A name with an address or a telephone number."""
        name, number = self.rng.choice(_NAMES), self.rng.randrange(10**7)
        return f"{name} <{name.lower()}{number}@example.com>" if number % 2 else f"{name} +1 202 555 {number % 10_000:04d}"


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def request(spans: Sequence[Span]) -> bytes:
    """An export request."""
    resource = Resource(attributes=[
        pair("service.name", "airline"), pair("service.version", "1.4.2"), pair("openinference.project.name", "bench"),
        pair("telemetry.sdk.language", "python"), pair("deployment.environment.name", "production"),
    ])  # fmt: skip
    scope = ScopeSpans(scope=InstrumentationScope(name="bench", version="1"), spans=spans)
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]).SerializeToString()


def requests(spans: int, batch: int = 500, seed: int = 7, first: int = 0) -> Iterator[tuple[bytes, int]]:
    """Requests of whole traces, each with how many spans it holds; `first` numbers their first trace."""
    rng = random.Random(f"{seed}-{first}")
    start = time.time_ns() - 3600 * 10**9
    made: list[Span] = []
    for number in range(spans // SPANS):
        made.extend(trace(rng, first + number, start + number * 50_000_000))
        if len(made) >= batch:
            yield request(made), len(made)
            made = []
    if made:
        yield request(made), len(made)


def tau_bench(data: Path, batch: int = 500) -> Iterator[tuple[bytes, int]]:
    """The conversations of DATA/tau_bench as requests: a span a model call, told all that was said, and one a tool call."""
    made: list[Span] = []
    rng = random.Random(11)
    start = time.time_ns() - 3600 * 10**9
    for file in sorted((data / "tau_bench").glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                made.extend(_conversation(json.loads(line)["traj"], rng, start))
                start += 60 * 10**9
                while len(made) >= batch:
                    yield request(made[:batch]), batch
                    del made[:batch]
    if made:
        yield request(made), len(made)


def _conversation(messages: Sequence[dict[str, Any]], rng: random.Random, start: int) -> list[Span]:
    trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
    spans = []
    for index, message in enumerate(messages):
        at = start + index * 10**9
        fields = {
            "trace_id": trace_id, "span_id": rng.randbytes(8), "parent_span_id": root_id,
            "start_time_unix_nano": at, "end_time_unix_nano": at + 9 * 10**8,
        }  # fmt: skip
        if message["role"] == "assistant":
            told = [pair("gen_ai.operation.name", "chat"), pair("gen_ai.request.model", "gpt-4o")]
            given = [pair("gen_ai.input.messages", json.dumps(messages[:index]))]
            spans.append(
                Span(
                    **fields,
                    name="chat gpt-4o",
                    attributes=[*told, *given, pair("gen_ai.output.messages", json.dumps([message]))],
                )
            )
        elif message["role"] == "tool":
            told = [pair("gen_ai.operation.name", "execute_tool"), pair("gen_ai.tool.name", str(message.get("name")))]
            result = pair("gen_ai.tool.call.result", str(message.get("content")))
            spans.append(Span(**fields, name=f"execute_tool {message.get('name')}", attributes=[*told, result]))
    end = start + len(messages) * 10**9
    root = Span(trace_id=trace_id, span_id=root_id, name="invoke_agent", start_time_unix_nano=start, end_time_unix_nano=end)
    root.attributes.append(pair("gen_ai.operation.name", "invoke_agent"))
    return [*spans, root]


class Senders:
    """Processes that send requests over connections of their own, told again and again to come back where they must."""

    def __init__(self, port: int, batches: Sequence[tuple[bytes, int]], path: str = "/v1/traces", count: int = 2) -> None:
        context = multiprocessing.get_context("fork")
        self._told = context.Queue()
        self._processes = [
            context.Process(target=_send, args=(port, path, batches[index::count], self._told), daemon=True)
            for index in range(count)
        ]

    def run(self) -> list[Sent]:
        """Send all, and return once all is acknowledged; raises `RuntimeError` where something was refused for good."""
        for process in self._processes:
            process.start()
        told = [self._told.get(timeout=1800) for _ in self._processes]
        for process in self._processes:
            process.join()
        failed = [item for item in told if isinstance(item, str)]
        if failed:
            raise RuntimeError(failed[0])
        return told


def _send(port: int, path: str, batches: Sequence[tuple[bytes, int]], told: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    acknowledged = again = 0
    seconds = []
    for body, spans in batches:
        began = time.perf_counter()
        while True:
            connection.request("POST", path, body, HEADERS)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status in (200, 202):
                break
            if answer.status not in (429, 503):
                told.put(f"HTTP {answer.status}: {text[:200]!r}")
                return
            again += 1
            time.sleep(float(answer.headers.get("retry-after", 0.2)))
        if text:
            told.put(f"taken in part: {text[:200]!r}")
            return
        seconds.append(time.perf_counter() - began)
        acknowledged += spans
    told.put(Sent(acknowledged, again, seconds))
