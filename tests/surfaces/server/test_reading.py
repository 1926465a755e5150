from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from otlp_requests import failed, span, traces
from serving_here import serving, wait_until


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with serving(tmp_path) as made:
        for number in range(1, 8):
            root = span(
                number, number, session__id=f"s{number % 2}", user__id="u", input__value=f"question about {number} parrots"
            )
            request = traces(
                [failed(root, "boom") if number == 3 else root], service__name="shop", service__version=f"v{number % 3}"
            )
            body = request.SerializeToString()
            made.post("/v1/traces", content=body, headers={"content-type": "application/x-protobuf"}).raise_for_status()
        wait_until(lambda: made.get("/v1/stats").json()["pending"] == 0)
        yield made


def listed(client: TestClient, query: str = "") -> list[int]:
    return [int(line["trace_id"], 16) for line in client.get(f"/v1/traces?{query}").json()["traces"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [7, 6, 5, 4, 3, 2, 1]),
        ("session=s0", [6, 4, 2]),
        ("version=v1&session=s1", [7, 1]),
        ("agent=shop&limit=2", [7, 6]),
        ("agent=other", []),
        ("user=u&error=true", [3]),
        ("since=2023-11-14T22:13:25Z", [7, 6, 5]),
        ("until=2023-11-14T22:13:22Z", [1]),
        ("q=parrots+4", [4]),
        ("q=elephants", []),
    ],
)
def test_traces_are_listed_newest_first_and_filtered(client: TestClient, query: str, found: list[int]) -> None:
    assert listed(client, query) == found


def test_pages_follow_each_other_to_the_end(client: TestClient) -> None:
    pages, before = [], ""
    while True:
        page = client.get(f"/v1/traces?limit=3{before}").json()
        pages.append([int(line["trace_id"], 16) for line in page["traces"]])
        if page["next"] is None:
            break
        before = f"&before={page['next']}"

    assert pages == [[7, 6, 5], [4, 3, 2], [1]]


def test_one_trace_and_its_session(client: TestClient) -> None:
    trace = client.get(f"/v1/traces/{3:032x}").json()
    session = client.get("/v1/sessions/s1").json()

    assert (trace["session_id"], trace["agent"], trace["error"]) == ("s1", "shop", "boom")
    assert [int(line["trace_id"], 16) for line in session["traces"]] == [1, 3, 5, 7]
    assert client.get("/v1/stats").json() == {"spans": 7, "traces": 7, "pending": 0}


@pytest.mark.parametrize("path", ["/v1/traces/none", "/v1/sessions/none", "/nothing", "/v1/traces/"])
def test_what_is_not_there_is_said_so(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == 5


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "since=yesterday", "error=maybe", "agent=", "agent=%00", "q=%22*"])
def test_a_question_that_makes_no_sense_is_named(client: TestClient, query: str) -> None:
    answer = client.get(f"/v1/traces?{query}")

    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["message"]


def test_a_late_span_is_seen_before_its_trace_settles_again(tmp_path: Path) -> None:
    with serving(tmp_path, quiet_s=3600) as client:
        for sent in (span(1, 2, parent=1), span(1, 1)):
            body = traces([sent]).SerializeToString()
            client.post("/v1/traces", content=body, headers={"content-type": "application/x-protobuf"})
            steps = client.get(f"/v1/traces/{1:032x}").json()["steps"]
        assert len(steps) == 2


def test_a_filter_that_is_not_known_finds_nothing(client: TestClient) -> None:
    answer = client.get("/v1/traces?session_id=s1")

    assert answer.status_code == 422
    assert "'session_id'" in answer.json()["message"]
    assert "session" in answer.json()["message"]


def test_a_page_before_no_trace_is_said_so(client: TestClient) -> None:
    answer = client.get("/v1/traces?before=none")

    assert answer.status_code == 404
    assert "'none'" in answer.json()["message"]


def test_a_day_and_a_time_without_an_offset_are_taken_in_utc(client: TestClient) -> None:
    assert listed(client, "since=2020-01-01") == listed(client)
    assert listed(client, "until=2020-01-01T00:00:00") == []
    assert listed(client, "q=") == listed(client)


def test_ids_may_hold_slashes(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        body = traces([span(1, 1, session__id="team/7")]).SerializeToString()
        client.post("/v1/traces", content=body, headers={"content-type": "application/x-protobuf"}).raise_for_status()
        wait_until(lambda: client.get("/v1/stats").json()["pending"] == 0)
        found = client.get("/v1/sessions/team%2F7").json()

    assert [trace["session_id"] for trace in found["traces"]] == ["team/7"]
