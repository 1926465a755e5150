"""Files told by their content: protobuf in its framings, tables, logs of Inspect, packed ones; and any bytes at all."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from loopwright.adapters.importers import binary
from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.intake import Rejected
from loopwright.ports import Imported, ImportedFeedback, ImportedParts

LIMIT = 100_000
CHAT = b'{"id": "c", "messages": [{"role": "user", "content": "hi"}]}\n'


def traces_data(*ids: int, text: str = "x") -> TracesData:
    message = TracesData()
    group = message.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "desk"
    scope = group.scope_spans.add()
    scope.scope.name = "test"
    for id in ids:
        span = scope.spans.add(trace_id=bytes([7]) * 16, span_id=id.to_bytes(8, "big"), name=f"s{id}", end_time_unix_nano=10**18)
        span.attributes.add(key="note").value.string_value = text
    return message


def be32(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def varints(*parts: bytes) -> bytes:
    return b"".join(binary.varint(len(part)) + part for part in parts)


@pytest.fixture
def read(tmp_path):
    def reading(data: bytes, name: str = "file", limit: int = LIMIT):
        file = tmp_path / name
        file.write_bytes(data)
        return list(FileTraceReader(limit).read([str(file)]))

    return reading


FIRST, SECOND = traces_data(1, 2).SerializeToString(), traces_data(3).SerializeToString()
JSON = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"0000000000000009","name":"s9"}]}]}]}' % (b"07" * 16)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (FIRST, ["s1", "s2"]),
        (FIRST + SECOND, ["s1", "s2", "s3"]),
        (varints(FIRST, SECOND), ["s1", "s2", "s3"]),
        (be32(FIRST, SECOND), ["s1", "s2", "s3"]),
        (be32(*(zstandard.compress(one) for one in (FIRST, SECOND))), ["s1", "s2", "s3"]),
        (be32(JSON, FIRST), ["s9", "s1", "s2"]),
        (be32(zstandard.compress(JSON)), ["s9"]),
        (gzip.compress(varints(FIRST, SECOND)), ["s1", "s2", "s3"]),
        (zstandard.compress(FIRST), ["s1", "s2"]),
        (zstandard.compress(JSON) + zstandard.compress(b"\n" + JSON), ["s9"]),
    ],
    ids=[
        "message",
        "two as one",
        "varints",
        "collector",
        "collector zstd",
        "collector mixed",
        "collector json",
        "gzip",
        "zstd",
        "frames",
    ],
)
def test_otlp_in_protobuf_is_told_by_its_bytes(read, data, names):
    (found,) = read(data)
    assert sorted(step.name for step in found.trace.steps) == sorted(names)
    assert found.format == "otlp"


def test_a_message_larger_than_is_held_is_cut_by_its_spans(read, monkeypatch):
    monkeypatch.setattr(binary, "PIECE", 2000)
    whole = traces_data(*range(1, 200), text="y" * 50)
    (found,) = read(whole.SerializeToString(), limit=3000)
    assert len(found.trace.steps) == 199
    assert found.trace.agent == "desk"
    (again,) = read(varints(whole.SerializeToString()), limit=3000)
    assert again.trace == found.trace


def test_logs_and_metrics_in_protobuf_are_named(read):
    logs = LogsData()
    logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=1, body={"string_value": "line"})
    metrics = MetricsData()
    metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="requests", unit="1").gauge.data_points.add(as_int=1)
    assert "log line is no event" in str(read(logs.SerializeToString())[0])
    assert str(read(metrics.SerializeToString())[0]).endswith("holds metrics, and no trace; leave metrics out")


def test_protobuf_that_breaks_off_gives_what_came(read):
    *found, refused = read(varints(FIRST, SECOND)[:-5])
    assert isinstance(refused, Imported) or isinstance(found[0], Rejected)
    kinds = [item.reason if isinstance(item, Rejected) else "taken" for item in (*found, refused)]
    assert sorted(kinds) == ["malformed protobuf", "taken"]


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_tables(read, between):
    rows = [
        ["Input", "Output", "Rating"],
        ["hi", 'said "hello"', "2"],
        ["", "", ""],
        ["hi", 'said "hello"', "5"],
        ["a\nb", "c", ""],
    ]
    lines = [between.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    found = read("\r\n".join(lines).encode("utf-8-sig"))
    assert [(f.line, [m.text for m in f.trace.messages]) for f in found] == [
        (2, ["hi", 'said "hello"']), (4, ["hi", 'said "hello"']), (6, ["a\nb", "c"])
    ]  # fmt: skip
    assert found[1].trace.trace_id == f"{found[0].trace.trace_id}-2"
    assert [v.value for f in found for v in f.trace.feedback] == [2.0, 5.0]


def test_a_row_that_does_not_fit_is_refused_by_itself(read):
    found = read(b"id,input,output\n1,a,b\n2,a,b,c\n3,,\n4,a,b\n")
    assert [f.trace.trace_id if isinstance(f, Imported) else f.reason for f in found] == [
        "1",
        "malformed CSV",
        "no messages",
        "4",
    ]


def test_exports_as_tables_are_read_as_what_they_are(read):
    said = '"[{""role"": ""user"", ""content"": ""hi""}]"'
    text = f"id,traceId,type,name,startTime,input,output\no1,t1,GENERATION,x,2026-01-01T00:00:00Z,{said},hello\n"
    (found,) = read(text.encode())
    assert (found.format, found.trace.trace_id, [m.text for m in found.trace.messages]) == ("langfuse", "t1", ["hi", "hello"])


def sample(number: int) -> bytes:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": f"{number}"}]
    events = [{"event": "x", "timestamp": f"2026-01-01T00:00:0{n}Z", "big": "y" * 5000} for n in range(9)]
    return json.dumps({"id": number, "epoch": 1, "input": "hi", "events": events, "messages": messages}).encode()


def archive(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/"), data)
    return held.getvalue()


HEADER = json.dumps({"version": 2, "status": "success", "eval": {"task": "t", "run_id": "r"}}).encode()


def test_a_log_of_inspect_in_an_archive(read):
    data = archive(**{"header.json": HEADER, "samples__1.json": sample(1), "samples__2.json": b"{", "samples__3.json": sample(3)})
    found = read(data, limit=6000)
    assert [f.trace.trace_id if isinstance(f, Imported) else f.reason for f in found] == ["r-1-1", "truncated JSON", "r-3-1"]
    assert found[0].trace.ended_at.second == 8
    assert "no log of Inspect" in str(read(archive(**{"a.json": b"{}"}))[0])
    assert "zip archive" in str(read(data[: len(data) // 2])[0])


def test_what_was_taken_before_is_passed_over(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("input,output\nhi,hello\nhi,hello\nhi,hello\n")
    reader = FileTraceReader(LIMIT)
    whole = [found.trace.trace_id for found in reader.read_parts([str(file)])]
    rest = [found.trace.trace_id for found in reader.read_parts([str(file)], after={str(file): 2})]
    assert rest == whole[2:]
    assert reader.mark(str(file)) == reader.mark(str(file)) is not None
    assert reader.mark("-") is None


SEEDS = [
    FIRST, varints(FIRST, SECOND), be32(FIRST), be32(zstandard.compress(JSON)), JSON, CHAT * 3, gzip.compress(CHAT),
    zstandard.compress(CHAT), b"input,output,feedback\nhi,hello,up\n",
    archive(**{"header.json": HEADER, "samples__1.json": sample(1)}),
    b'{"trace": {"id": "t", "name": "x", "timestamp": "2026-01-01T00:00:00Z", "projectId": "p"}, "observations": []}',
    b'[{"name": "x", "context": {"trace_id": "1", "span_id": "2"}, "start_time": 1, "attributes": {"llm": [{"a": 1}]}}]',
    b'{"id": "r", "run_type": "llm", "inputs": {}, "child_runs": [{"id": "s", "run_type": "tool", "extra": null}]}',
    b'{"schema_version": "ATIF-v1.7", "session_id": "s", "agent": {}, "steps": [{"source": "user", "message": ["a", {"b": 1}]}]}',
    b'["client.x", {"type": "session", "id": "s"}]\n["client.x", {"type": "agent.message", "content": 3}]\n',
    b'{"request": {"messages": [{"role": "user"}]}, "response": {"choices": [null, 3, {"message": "x"}], "usage": []}}',
]  # fmt: skip


def checked(folder, data: bytes) -> None:
    """Whatever the bytes are, all that comes out is a record or a refusal, and reading ends."""
    file = folder / "f"
    file.write_bytes(data)
    for found in FileTraceReader(2000, held_bytes=500).read([str(file)]):
        assert isinstance(found, Imported | ImportedFeedback | Rejected)
        assert not isinstance(found, Rejected) or (found.problem and found.reason)
    assert all(
        isinstance(found, Imported | ImportedParts | ImportedFeedback | Rejected)
        for found in FileTraceReader(2000).read_parts([str(file)])
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tmp_path, data):
    checked(tmp_path, data)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(
    seed=st.sampled_from(SEEDS),
    rng=st.randoms(use_true_random=False),
    packed=st.sampled_from([None, gzip.compress, zstandard.compress]),
)
def test_files_that_were_damaged_are_read_or_refused(tmp_path, seed, rng, packed):
    data = bytearray(seed)
    for _ in range(rng.randint(0, 4)):
        damage(data, rng)
    checked(tmp_path, packed(bytes(data)) if packed else bytes(data))


def damage(data: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(data) + 1)
    choice = rng.randrange(4)
    if choice == 0:
        del data[place:]
    elif choice == 1:
        data[place:place] = rng.choice([b"{", b"}", b"[", b"]", b'"', b"\\", b"\0", b",", b"null", b"1e999", b"\xff", b"[" * 200])
    elif choice == 2 and data:
        data[place % len(data)] = rng.randrange(256)
    else:
        data[place:place] = data[: rng.randrange(40)]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
TIME = "2026-01-01T00:00:00Z"
SHAPES = [
    {"id": "t", "name": "x", "timestamp": TIME, "projectId": "p", "userId": "u", "observations": [], "scores": []},
    {"id": "o", "traceId": "t", "type": "GENERATION", "startTime": TIME, "input": 1, "output": 1, "metadata": {},
     "usageDetails": {}, "costDetails": {}},
    {"id": "s", "traceId": "t", "name": "n", "value": 1, "dataType": "NUMERIC", "comment": "c", "timestamp": None},
    {"id": "r", "run_type": "llm", "inputs": {}, "outputs": {}, "extra": {}, "events": [], "feedback_stats": {},
     "child_runs": [], "start_time": None, "tags": []},
    {"name": "x", "context": {"trace_id": "1", "span_id": "2"}, "start_time": 1, "attributes": {}, "events": [], "status": {},
     "resource": {}},
    {"version": 2, "status": "success", "eval": {"task": "t"}, "samples": []},
    {"schema_version": "ATIF-v1.6", "session_id": "s", "agent": {}, "steps": [], "final_metrics": {}},
    {"request": {"messages": []}, "response": {"choices": []}, "usage": {}},
    {"input": "a", "output": "b", "feedback": 1, "timestamp": 1},
    {"id": "c", "messages": []},
]  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(shape=st.sampled_from(SHAPES), changes=st.lists(st.tuples(st.integers(0, 9), JSON_VALUES), min_size=1, max_size=3))
def test_records_with_anything_in_a_field_are_read_or_refused_and_none_is_lost(tmp_path, shape, changes):
    record = dict(shape)
    for place, value in changes:
        record[list(shape)[place % len(shape)]] = value
    file = tmp_path / "f.jsonl"
    file.write_text(json.dumps(record) + "\n" + json.dumps({"id": "another", "messages": [{"role": "user", "content": "hi"}]}))
    found = list(FileTraceReader(LIMIT).read_parts([str(file)]))
    assert isinstance(found[-1], Imported)
    assert found[-1].trace.trace_id == "another"
    assert all(isinstance(one, Imported | ImportedParts | ImportedFeedback | Rejected) for one in found)
    list(FileTraceReader(LIMIT).read([str(file)]))
