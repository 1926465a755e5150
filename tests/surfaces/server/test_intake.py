from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.testclient import TestClient

from loopwright.errors import StoreError
from loopwright.surfaces.server.service import Limits
from otlp_requests import logs, record, span, traces
from serving_here import serving, wait_until

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with serving(tmp_path) as made:
        yield made


def posted(client: TestClient, path: str, body: Any, headers: dict[str, str] = PROTOBUF) -> Any:
    content = body if isinstance(body, bytes) else body.SerializeToString()
    return client.post(path, content=content, headers=headers)


def test_spans_that_are_acknowledged_can_be_read(client: TestClient) -> None:
    answer = posted(client, "/v1/traces", traces([span(1, 1), span(1, 2, parent=1)], service__name="shop"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert client.get("/v1/stats").json()["spans"] == 2
    trace = client.get(f"/v1/traces/{1:032x}").json()
    assert [step["span_id"] for step in trace["steps"]] == [f"{1:016x}", f"{2:016x}"]
    assert trace["agent"] == "shop"


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress), ("identity", bytes), ("GZIP", gzip.compress)]
)
def test_compressed_requests_are_taken(client: TestClient, encoding: str, pack: Any) -> None:
    body = pack(traces([span(1, 1)]).SerializeToString())

    assert posted(client, "/v1/traces", body, {**PROTOBUF, "content-encoding": encoding}).status_code == 200
    assert client.get("/v1/stats").json()["spans"] == 1


def test_json_is_taken(client: TestClient) -> None:
    body = json.dumps(MessageToDict(traces([span(1, 1)]))).encode()

    answer = posted(client, "/v1/traces", body, {"content-type": "application/json; charset=utf-8"})

    assert (answer.status_code, answer.json()) == (200, {})
    assert client.get("/v1/stats").json()["spans"] == 1


def test_the_same_request_again_changes_nothing(client: TestClient) -> None:
    request = traces([span(1, 1), span(2, 2)])
    for _ in range(3):
        assert posted(client, "/v1/traces", request).status_code == 200

    assert client.get("/v1/stats").json()["spans"] == 2


def test_what_is_refused_is_counted_with_its_reason(client: TestClient) -> None:
    bad = span(1, 2)
    bad.span_id = b""
    request = traces([span(1, 1), bad, bad])

    answer = posted(client, "/v1/traces", request)
    part = ExportTraceServiceResponse.FromString(answer.content).partial_success
    in_json = posted(client, "/v1/traces", json.dumps(MessageToDict(request)).encode(), JSON).json()

    assert answer.status_code == 200
    assert part.rejected_spans == 2
    assert part.error_message == "2 spans refused: 2 x its span id is not 8 bytes, or all zeros"
    assert in_json["partialSuccess"]["rejectedSpans"] == "2"
    assert client.get("/v1/stats").json()["spans"] == 1


def test_logs_become_feedback_and_events(client: TestClient) -> None:
    posted(client, "/v1/traces", traces([span(1, 1)]))
    verdict = {"gen_ai__evaluation__name": "tone", "gen_ai__evaluation__score__label": "fail"}
    records = [
        record("gen_ai.evaluation.result", 1, 1, **verdict),
        record(body="a line"),
        record("gen_ai.user.message", 1, 1, "hi"),
    ]

    answer = posted(client, "/v1/logs", logs(records))

    part = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert part.rejected_log_records == 1
    assert "no event name" in part.error_message
    assert client.get("/v1/stats").json()["spans"] == 1
    wait_until(lambda: client.get(f"/v1/traces/{1:032x}").json()["feedback"])


def test_feedback_is_joined_with_its_trace_before_and_after(client: TestClient) -> None:
    early = client.post("/v1/feedback", json={"trace_id": f"{1:032x}", "feedback": {"thumb": "down", "comment": "wrong"}})
    posted(client, "/v1/traces", traces([span(1, 1)]))
    late = client.post("/v1/feedback", json=[{"trace_id": f"{1:032x}", "feedback": {"rating": 1}}])
    again = client.post("/v1/feedback", json=[{"trace_id": f"{1:032x}", "feedback": {"rating": 1}}])

    assert (early.json(), late.json(), again.json()["unchanged"]) == ({"new": 1, "unchanged": 0}, {"new": 1, "unchanged": 0}, 1)
    wait_until(lambda: len(client.get(f"/v1/traces/{1:032x}").json()["feedback"]) == 2)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("place", [{"trace_id": f"{1:032x}"}, {"span_id": f"{2:016x}"}, {"session_id": "s"}])
def test_feedback_is_told_before_its_trace_is_settled(client: TestClient, place: dict[str, str], first: bool) -> None:
    given = {**place, "feedback": {"thumb": "down"}}
    if first and "session_id" not in place:  # which trace of a session is meant is settled with the trace
        client.post("/v1/feedback", json=given)
    posted(client, "/v1/traces", traces([span(1, 2, parent=1, session__id="s")]))
    client.post("/v1/feedback", json=given)

    (found,) = client.get(f"/v1/traces/{1:032x}").json()["feedback"]

    assert client.get("/v1/stats").json()["pending"] == 1
    assert found["negative"] is True


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[1]", 400),
        (b"3", 400),
        (b'{"feedback": "good"}', 400),
        (b'{"trace_id": "x"}', 400),
        (b'{"trace_id": "a\\u0000b", "feedback": "good"}', 400),
        (b'{"trace_id": "' + b"x" * 501 + b'", "feedback": "good"}', 400),
        (b'[{"trace_id": "x", "feedback": "good"}, {"trace_id": "y"}]', 400),
    ],
)
def test_feedback_that_says_nothing_is_refused_whole(client: TestClient, body: bytes, status: int) -> None:
    answer = posted(client, "/v1/feedback", body, JSON)

    assert answer.status_code == status
    assert answer.json()["code"] == 3


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
def test_what_is_no_request_is_refused_as_it_came(client: TestClient, path: str) -> None:
    binary = posted(client, path, b"\xff\xff")
    text = posted(client, path, b"{", JSON)

    assert (binary.status_code, text.status_code) == (400, 400)
    assert Status.FromString(binary.content).code == 3
    assert "not an OTLP" in Status.FromString(binary.content).message
    assert text.json()["code"] == 3


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/xml"])
def test_a_content_type_that_is_not_known_is_named(client: TestClient, content_type: str) -> None:
    answer = posted(client, "/v1/traces", b"", {"content-type": content_type})

    assert answer.status_code == 415
    assert "application/x-protobuf" in answer.json()["message"]


def test_an_encoding_that_is_not_known_is_named(client: TestClient) -> None:
    answer = posted(client, "/v1/traces", b"x", {**PROTOBUF, "content-encoding": "br"})

    assert answer.status_code == 415
    assert "gzip" in answer.headers["accept-encoding"]


def test_what_is_too_large_is_refused_packed_or_not(tmp_path: Path) -> None:
    with serving(tmp_path, limits=Limits(request=2000)) as client:
        assert posted(client, "/v1/traces", bytes(2001)).status_code == 413
        packed = gzip.compress(bytes(10**7))
        assert posted(client, "/v1/traces", packed[:1900], {**PROTOBUF, "content-encoding": "gzip"}).status_code == 413
        assert posted(client, "/v1/traces", traces([span(1, 1)])).status_code == 200

        def pieces() -> Iterator[bytes]:
            for _ in range(30):
                yield bytes(100)

        assert client.post("/v1/traces", content=pieces(), headers=PROTOBUF).status_code == 413


def test_a_store_that_cannot_be_written_asks_to_come_again(tmp_path: Path) -> None:
    failing = _Failing()
    with serving(tmp_path, store=failing) as client:
        answer = posted(client, "/v1/traces", traces([span(1, 1)]))
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        failing.fault = ValueError("a bug")
        assert posted(client, "/v1/traces", traces([span(1, 1)])).status_code == 500
        assert client.get("/readyz").status_code == 503


def test_more_than_there_is_room_for_is_asked_to_come_again(tmp_path: Path) -> None:
    slow = _Slow()
    body = traces([span(1, 1, text="x" * 900)])
    with serving(tmp_path, store=slow, limits=Limits(request=2000, under_way=1500)) as client:
        answers: list[int] = []
        first = threading.Thread(target=lambda: answers.append(posted(client, "/v1/traces", body).status_code))
        first.start()
        slow.entered.wait(10)
        second = posted(client, "/v1/traces", body)
        slow.leave.set()
        first.join()

    assert second.status_code == 503
    assert second.headers["retry-after"] == "1"
    assert answers == [200]


class _Failing:
    """A store that cannot be written, or read."""

    fault: Exception = StoreError("the disk is full")

    def put_spans(self, *_: object) -> None:
        raise self.fault

    def count_spans(self) -> int:
        raise StoreError("it is gone")

    def pending(self, *_: object) -> list[object]:
        return []


class _Slow(_Failing):
    """A store that writes when it is told to."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()

    def put_spans(self, *_: object) -> None:
        self.entered.set()
        self.leave.wait(10)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"cut \ud83d", "cut \ufffd"),
        (r"\uDE00 cut", "\ufffd cut"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (r"\\\ud83d\n", "\\\ufffd\n"),
    ],
)
def test_half_a_character_harms_nothing_beside_it(client: TestClient, written: str, read: str) -> None:
    spans = [
        {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": name} for number, name in ((1, "CUT"), (2, "whole"))
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).replace("CUT", written)

    answer = posted(client, "/v1/traces", body.encode(), JSON)

    assert (answer.status_code, answer.json()) == (200, {})
    assert client.get(f"/v1/traces/{1:032x}").json()["steps"][0]["name"] == read
    assert client.get(f"/v1/traces/{2:032x}").json()["steps"][0]["name"] == "whole"


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize("body", [b'{"spans": []}', b'{"resourceMetrics": [{}]}', b'{"": 1}'])
def test_what_holds_no_export_is_not_acknowledged(client: TestClient, path: str, body: bytes) -> None:
    answer = posted(client, path, body, JSON)

    assert answer.status_code == 400
    assert "send an export request" in answer.json()["message"]


def test_logs_sent_to_the_door_of_traces_are_not_lost_in_silence(client: TestClient) -> None:
    assert posted(client, "/v1/traces", b'{"resourceLogs": [{}]}', JSON).status_code == 400
    assert posted(client, "/v1/traces", b"{}", JSON).json() == {}


def test_senders_that_came_to_the_wrong_place_are_told_the_right_one(client: TestClient) -> None:
    assert "OTEL_METRICS_EXPORTER=none" in posted(client, "/v1/metrics", b"{}", JSON).json()["message"]
    assert "/v1/traces" in posted(client, "/", b"{}", JSON).json()["message"]
    status = Status.FromString(posted(client, "/v1/metrics", b"").content)
    assert (status.code, "OTEL_METRICS_EXPORTER" in status.message) == (5, True)
