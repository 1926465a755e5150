from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from loopwright.adapters.otlp.parts import PartSplitter, split_logs, split_object, split_traces
from loopwright.adapters.otlp.protowire import embedded
from loopwright.adapters.otlp.reading import read_part
from loopwright.errors import RecordError
from otlp_requests import START, failed, logs, record, span, traces


class Masking:
    """A redactor of one word."""

    def text(self, value: str) -> str:
        return value.replace("sesame", "[secret]")

    def named(self, name: str, value: str) -> str:
        return "[secret]" if name == "password" else self.text(value)

    def data(self, value: bytes) -> bytes:
        return value.replace(b"sesame", b"[secret]")

    def value(self, value: object) -> object:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, int) and value > 10**9:
            return "[number]"
        return [self.value(item) for item in value] if isinstance(value, list) else value

    known = frozenset({"service.name"})

    def texts(self, values: Sequence[str]) -> list[str]:
        return [self.text(value) for value in values]

    def may_hold(self, data: bytes) -> bool:
        return self.places(data)(0) < len(data)

    def places(self, data: bytes) -> Callable[[int], int]:
        def first(start: int) -> int:
            found = [at for word in (b"sesame", b"password", b"phone") if (at := data.find(word, start)) >= 0]
            return min(found, default=1 << 62)

        return first


def test_spans_are_kept_by_trace_with_what_names_them() -> None:
    spans = [
        span(1, 1, session__id="s", user__id="u", gen_ai__agent__name="helper"),
        span(2, 2),
        failed(span(1, 3, parent=1), "boom"),
    ]

    split = split_traces(traces(spans, service__name="shop", service__version="7").SerializeToString())

    first, second = split.parts
    assert split.taken == 3
    assert not split.refused
    assert first.trace_id == f"{1:032x}"
    assert first.spans == (f"{1:016x}", f"{3:016x}")
    assert (first.name, first.session_id, first.user_id, first.agent, first.version) == ("span 1", "s", "u", "helper", "7")
    assert (first.root_ended, first.parents, first.error) == (True, (), False)
    assert (first.started_ns, first.ended_ns) == (START + 10**9, START + 4 * 10**9)
    assert (second.agent, second.session_id) == ("shop", None)
    kept = TracesData.FromString(first.data).resource_spans[0]
    assert list(kept.scope_spans[0].spans) == [spans[0], spans[2]]
    assert kept.scope_spans[0].scope.name == "test"
    assert kept.scope_spans[0].schema_url == "https://schema"


def test_what_is_missing_of_a_trace_is_named() -> None:
    (part,) = split_traces(traces([span(1, 2, parent=9), failed(span(1, 3, parent=2), "boom")]).SerializeToString()).parts

    assert part.parents == (f"{9:016x}",)
    assert not part.root_ended
    assert part.name == "span 2"


def test_a_bad_span_is_refused_by_itself() -> None:
    whole = [span(1, number) for number in range(1, 4)]
    short, zeros, odd = span(1, 4), span(1, 5), span(1, 6)
    short.trace_id = b"short"
    zeros.span_id = bytes(8)
    odd.parent_span_id = b"odd"

    split = split_traces(traces([*whole, short, zeros, odd]).SerializeToString())

    assert split.taken == 3
    assert split.refused.total() == 3
    assert len(split.refused) == 3
    assert split.parts[0].spans == tuple(f"{number:016x}" for number in (1, 2, 3))


def test_a_span_that_is_no_protobuf_is_refused_by_itself() -> None:
    good = embedded(2, span(1, 1).SerializeToString())
    torn = embedded(2, b"\x0a\xff")
    wrong_text = embedded(2, span(1, 2).SerializeToString() + embedded(5, b"\xff\xfe"))
    body = embedded(1, embedded(2, good + torn + wrong_text))

    split = split_traces(body)

    assert split.taken == 1
    assert split.refused.total() == 2


def test_spans_of_an_unreadable_resource_are_refused_and_others_taken() -> None:
    scope = embedded(2, embedded(2, span(1, 1).SerializeToString()))
    unreadable = embedded(1, embedded(1, b"\x0a\xff") + scope)

    split = split_traces(unreadable + embedded(1, scope))

    assert split.taken == 1
    assert dict(split.refused) == {"its resource or scope cannot be read": 1}


def test_the_same_span_twice_in_a_request_is_kept_once() -> None:
    split = split_traces(traces([span(1, 1), span(1, 1), span(1, 1, note="other")]).SerializeToString())

    assert split.taken == 3
    assert split.parts[0].spans == (f"{1:016x}",) * 2


def test_unknown_fields_are_kept() -> None:
    future = span(1, 1).SerializeToString() + embedded(77, b"of the future")

    (part,) = split_traces(embedded(1, embedded(2, embedded(2, future)))).parts

    assert b"of the future" in part.data


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\x05abc", b"\x0b", b"\x00\x00"])
def test_what_is_no_request_is_refused_whole(body: bytes) -> None:
    with pytest.raises(RecordError, match="not an OTLP traces request"):
        split_traces(body)


def test_nothing_is_nothing() -> None:
    assert split_traces(b"").parts == ()
    assert split_object({}).parts == ()


def test_secrets_are_taken_out_of_every_place() -> None:
    secret = failed(span(1, 1, note="open sesame", sesame="key", raw=b"sesame"), "sesame")
    secret.events.add(name="sesame").attributes.add(key="a").value.array_value.values.add(string_value="sesame")
    secret.links.add(trace_state="sesame")
    secret.attributes.add(key="deep").value.kvlist_value.values.add(key="sesame").value.string_value = "sesame"
    secret.name = "sesame"
    request = traces([secret, span(1, 2)], session__id="sesame")

    for split in (
        PartSplitter(Masking()).traces(request.SerializeToString()),
        PartSplitter(Masking()).json(MessageToDict(request)),
    ):
        (part,) = split.parts
        assert b"sesame" not in part.data
        assert part.data.count(b"[secret]") >= 9
        assert (part.name, part.session_id) == ("[secret]", "[secret]")


def test_numbers_and_what_a_name_tells_are_redacted() -> None:
    split = split_traces(
        traces([span(1, 1, phone=12_025_550_123), span(2, 1, password="x", note="sesame")]).SerializeToString(), Masking()
    )

    assert [read_part(part.data)[0][0].attributes for part in split.parts] == [
        {"phone": "[number]"},
        {"password": "[secret]", "note": "[secret]"},
    ]


def test_what_is_found_over_a_boundary_of_two_texts_does_not_mix_them() -> None:
    class Greedy(Masking):
        def text(self, value: str) -> str:
            return "[secret]" if "open" in value and "sesame" in value else value.replace("sesame", "[secret]")

    (part,) = split_traces(traces([span(1, 1, one="open", two="sesame", three="same")]).SerializeToString(), Greedy()).parts

    assert read_part(part.data)[0][0].attributes == {"one": "open", "two": "[secret]", "three": "same"}


def test_a_span_that_cannot_be_redacted_is_refused() -> None:
    class Broken(Masking):
        def text(self, value: str) -> str:
            raise RecordError("the plug-in failed")

    for split in (
        split_traces(traces([span(1, 1, note="sesame"), span(1, 2)]).SerializeToString(), Broken()),
        split_object(MessageToDict(traces([span(1, 1, note="sesame"), span(1, 2)])), Broken()),
    ):
        assert split.taken == 1
        assert dict(split.refused) == {"the plug-in failed": 1}


def test_ids_of_feedback_are_not_redacted() -> None:
    given_ = {"trace_id": "sesame", "feedback": {"comment": "sesame"}, "session_id": "sesame"}

    assert PartSplitter(Masking()).record(given_) == {
        "trace_id": "sesame",
        "feedback": {"comment": "[secret]"},
        "session_id": "[secret]",
    }


def test_json_is_kept_as_protobuf_is() -> None:
    request = traces([span(1, 1, count=3, share=0.5, flag=True, raw=b"\x00\xff"), span(2, 2)], service__name="shop")
    body = MessageToDict(request)
    hexed = MessageToDict(request)
    for item in hexed["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId"):
            item[name] = base64.b64decode(item[name]).hex()

    assert split_object(body).parts == split_object(hexed).parts == split_traces(request.SerializeToString()).parts


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"traceId": "xyz"}, "traceId"),
        ({"startTimeUnixNano": -1}, "startTimeUnixNano"),
        ({"attributes": {}}, "attributes"),
        ({"attributes": [{"key": "a", "value": {"strangeValue": 1}}]}, "a value is"),
        ({"attributes": [{"key": "a", "value": {"intValue": "1e400"}}]}, "a value is"),
        ({"status": "bad"}, "a status is"),
        ({"name": 3}, "name is"),
        ({"name": "\ud800"}, "cannot be made"),
        ({"flags": 2**40}, "flags is"),
    ],
)
def test_a_bad_span_in_json_is_refused_by_itself_and_named(change: dict[str, object], reason: str) -> None:
    body = MessageToDict(traces([span(1, 1), span(1, 2)]))
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][1].update(change)

    split = split_object(body)

    assert split.taken == 1
    assert reason in next(iter(split.refused))


def test_values_nested_too_deep_are_refused() -> None:
    value: dict[str, object] = {"stringValue": "x"}
    for _ in range(40):
        value = {"arrayValue": {"values": [value]}}
    body = MessageToDict(traces([span(1, 1)]))
    body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [{"key": "a", "value": value}]

    assert "nested" in next(iter(split_object(body).refused))


def test_evaluations_become_feedback_and_events_of_spans_are_kept() -> None:
    verdict = {"gen_ai__evaluation__name": "politeness", "gen_ai__evaluation__score__label": "fail"}
    split = split_logs(
        logs(
            [
                record("gen_ai.evaluation.result", 1, 2, **verdict),
                record("gen_ai.evaluation.result", gen_ai__response__id="r-1", **verdict),
                record("gen_ai.user.message", 1, 2, body="hello"),
                record("gen_ai.evaluation.result", **verdict),
                record("gen_ai.evaluation.result", 1, 2),
                record("gen_ai.user.message", body="lost"),
                record(body="a plain line"),
            ],
            service__name="shop",
        ).SerializeToString()
    )

    first, second = split.feedback
    assert (first.trace_id, first.span_id, first.verdicts[0].negative) == (f"{1:032x}", f"{2:016x}", True)
    assert second.response_id == "r-1"
    assert split.taken == 3
    assert split.refused.total() == 4
    assert any('"gen_ai.user.message" belongs to no span' in reason for reason in split.refused)
    (part,) = split.parts
    assert part.spans == (f"{2:016x}",)
    spans, events = read_part(part.data)
    assert not spans
    assert (events[0].event["name"], events[0].event["body"]) == ("gen_ai.user.message", "hello")
    assert events[0].resource == {"service.name": "shop"}
    assert not TracesData.FromString(part.data).resource_spans


def test_a_part_is_read_as_it_came() -> None:
    sent = failed(span(1, 2, parent=1, text="a", count=3, share=0.5, flag=True, raw=b"\x01"), "boom")
    sent.kind = 3
    sent.attributes.add(key="list").value.array_value.values.add(int_value=1)
    sent.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = "v"
    sent.events.add(name="e", time_unix_nano=START).attributes.add(key="x").value.string_value = "y"
    (part,) = split_traces(traces([sent], service__name="shop").SerializeToString()).parts

    ((read,), events) = read_part(part.data)

    assert not events
    assert (read.trace_id, read.span_id, read.parent_id, read.name) == (f"{1:032x}", f"{2:016x}", f"{1:016x}", "span 2")
    assert (read.kind, read.status, read.status_message) == ("client", "error", "boom")
    assert read.attributes == {
        "text": "a", "count": 3, "share": 0.5, "flag": True, "raw": "AQ==", "list": [1], "map": {"k": "v"},
    }  # fmt: skip
    assert read.events[0]["name"] == "e"
    assert read.events[0]["attributes"] == {"x": "y"}
    assert read.resource == {"service.name": "shop"}
    with pytest.raises(RecordError):
        read_part(b"\x0a\xff")


@given(st.binary(max_size=200))
def test_any_bytes_give_parts_or_a_clear_refusal(body: bytes) -> None:
    for split in (split_traces, split_logs):
        try:
            found = split(body)
        except RecordError:
            continue
        assert found.taken >= len(found.parts)


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_damaged_requests_give_parts_that_can_be_read_or_a_clear_refusal(seed: int, changes: int) -> None:
    rng = random.Random(seed)
    body = bytearray(traces([span(1, 1, text="abc"), span(2, 2, parent=1)], service__name="x").SerializeToString())
    for _ in range(changes):
        body[rng.randrange(len(body))] = rng.randrange(256)
    try:
        split = split_traces(bytes(body), Masking())
    except RecordError:
        return
    kept = 0
    for part in split.parts:
        spans, events = read_part(part.data)
        assert not events
        assert {item.trace_id for item in spans} == {part.trace_id}
        kept += len(spans)
    assert kept <= split.taken


_NAMES = (
    "resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords", "resource", "scope", "attributes", "key",
    "value", "stringValue", "arrayValue", "kvlistValue", "values", "traceId", "spanId", "name", "kind", "status", "events",
    "links", "startTimeUnixNano", "body", "eventName",
)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["resourceSpans", "resourceLogs"]), _JSON))
def test_any_json_gives_parts_or_a_clear_refusal(body: dict[str, object]) -> None:
    with suppress(RecordError):
        split_object(body)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 20)), max_size=20))
def test_every_span_is_in_its_trace_once(ids: list[tuple[int, int]]) -> None:
    request: ExportTraceServiceRequest = traces([span(trace, number) for trace, number in ids])

    split = split_traces(request.SerializeToString())

    kept = {(part.trace_id, id) for part in split.parts for id in part.spans}
    assert kept == {(f"{trace:032x}", f"{number:016x}") for trace, number in ids}
    assert sum(len(part.spans) for part in split.parts) == len(set(ids))
    assert split.taken == len(ids)
