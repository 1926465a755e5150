from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.adapters.otlp.wire import decode_object, decode_protobuf, encode_line
from loopwright.collect.trace import Span
from loopwright.errors import RecordError

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def request(**span) -> dict:
    made = {"traceId": TRACE, "spanId": SPAN, "name": "x", **span}
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": [made]}]}]}


IDS = st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex)
TIMES = st.none() | st.integers(1, 10**15).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
VALUES = st.recursive(
    st.text(max_size=5) | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner, min_size=1, max_size=3),
    max_leaves=6,
)
MAPS = st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=4)
SPANS = st.builds(
    Span,
    trace_id=IDS.map(lambda id: id * 2),
    span_id=IDS,
    name=st.text(max_size=5),
    parent_id=st.none() | IDS,
    kind=st.sampled_from(["internal", "client", "server"]),
    started_at=TIMES,
    ended_at=TIMES,
    status=st.sampled_from(["unset", "ok", "error"]),
    status_message=st.text(max_size=5),
    attributes=MAPS,
    events=st.lists(st.builds(lambda n, a: {"name": n, "at": None, "attributes": a}, st.text(max_size=4), MAPS), max_size=2).map(
        tuple
    ),
    resource=MAPS,
)


@given(st.lists(SPANS, max_size=4))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_what_is_written_is_read(spans):
    line = encode_line(spans)
    assert line.count(b"\n") == 1
    read = decode_object(json.loads(line)).spans
    assert sorted(map(repr, read)) == sorted(map(repr, spans))


def test_protobuf_and_json_say_the_same():
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = bytes.fromhex(TRACE), bytes.fromhex(SPAN), "x"
    span.start_time_unix_nano, span.status.code, span.kind = 1_544_712_660_000_000_000, 2, 3
    message.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = "s"
    span.attributes.add(key="n").value.int_value = 2**60
    span.attributes.add(key="f").value.double_value = 0.5
    span.attributes.add(key="list").value.array_value.values.add().bool_value = True
    (read,) = decode_protobuf(message.SerializeToString()).spans
    assert (read.trace_id, read.span_id, read.parent_id, read.status, read.kind) == (TRACE, SPAN, None, "error", "client")
    assert (read.attributes, read.resource) == ({"n": 2**60, "f": 0.5, "list": [True]}, {"service.name": "s"})
    assert read.started_at == datetime(2018, 12, 13, 14, 51, tzinfo=UTC)
    with pytest.raises(RecordError, match="not an OTLP traces request"):
        decode_protobuf(b"\xff\xff")


def test_names_as_in_protobuf_and_ids_in_base64():
    spans = [
        {"trace_id": "W47/95gDgQPSabYzgT/GDA==", "span_id": SPAN.upper(), "name": "x", "start_time_unix_nano": 1_000_000_000}
    ]
    (read,) = decode_object({"resource_spans": [{"scope_spans": [{"spans": spans}]}]}).spans
    assert (read.trace_id, read.span_id, read.started_at.year) == (TRACE, SPAN, 1970)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (request(traceId="12"), 'traceId is "12"; give 32 hexadecimal digits'),
        (request(traceId=3), "traceId is 3"),
        (request(spanId=None), "a span has no spanId"),
        (request(spanId="0" * 16), "a span has no spanId"),
        (request(startTimeUnixNano="soon"), 'startTimeUnixNano is "soon"'),
        (request(attributes=[{"key": 3}]), "has the key 3"),
        (request(attributes=[{"key": "a", "value": {"intValue": "x"}}]), 'intValue is "x"'),
        (request(attributes={"a": 1}), "attributes is"),
        (request(status=3), "status is 3"),
        ({"resourceSpans": 3}, "resourceSpans is 3; give a list"),
        ({"resourceSpans": [{"scopeSpans": [3]}]}, "scopeSpans is [3]"),
    ],
)
def test_what_is_not_otlp_is_named(record, said):
    with pytest.raises(RecordError) as raised:
        decode_object(record)
    assert said in str(raised.value)


def test_odd_values_are_kept():
    odd = [{"key": "a", "value": {"doubleValue": "NaN"}}, {"key": "b"}, {"key": "c", "value": {"newValue": 1}}]
    (read,) = decode_object(request(attributes=odd)).spans
    assert read.attributes == {"a": "NaN", "b": None, "c": {"newValue": 1}}
