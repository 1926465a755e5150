"""Feedback on its way to a server over real HTTP, faults included."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time

import pytest

import loopwright
from faulty_server import Answer, FaultyServer, free_port, serving
from loopwright.agent import outbox
from loopwright.agent.feedback import flush, sending
from loopwright.agent.outbox import Letter, Outbox, pause
from loopwright.errors import UsageError

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(outbox, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(outbox, "LAST_CALL_S", 0.2)
    for name in ("LOOPWRIGHT_ENDPOINT", "LOOPWRIGHT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def accept(asked):
    return Answer(200, {"taken": 1}) if asked.path == "/v1/feedback" else None


def test_every_way_to_name_an_answer_arrives_with_the_token(monkeypatch):
    with serving(accept) as server:
        monkeypatch.setenv("LOOPWRIGHT_ENDPOINT", server.url)
        monkeypatch.setenv("LOOPWRIGHT_TOKEN", "t0ken")
        assert loopwright.feedback("down", trace_id=TRACE, span_id=SPAN, comment="wrong date")
        assert loopwright.feedback({"rating": 2, "max": 5}, session_id="s-17")
        assert loopwright.feedback({"correction": "May 20"}, response_id="resp_1")
        assert loopwright.feedback("escalated", span_id=SPAN)
        assert flush(10)
    said = [asked.json for asked in server.asked]
    assert [sorted(body) for body in said] == [
        ["feedback", "span_id", "timestamp", "trace_id"],
        ["feedback", "session_id", "timestamp"],
        ["feedback", "response_id", "timestamp"],
        ["feedback", "span_id", "timestamp"],
    ]
    assert said[0]["feedback"] == {"value": "down", "comment": "wrong date"}
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer t0ken"}


def test_a_server_that_is_busy_breaks_or_is_away_gets_it_later():
    with serving(accept) as server:
        server.faults.extend([Answer(429, headers={"Retry-After": "0"}), Answer(500), Answer(503), Answer(body=b"{}", cut=0)])
        box = Outbox(server.url)
        assert box.put(Letter("/v1/feedback", b"{}"))
        deadline = time.monotonic() + 20
        while box.sent == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (box.sent, box.lost) == (1, 0)
        assert len(server.asked) == 5 or len(server.asked) == 4


def test_a_server_that_starts_later_gets_all_in_order():
    server = FaultyServer(accept)
    url = server.url
    box = Outbox(url)
    server.stop()
    for number in range(20):
        assert box.put(Letter("/v1/feedback", json.dumps({"n": number}).encode()))
    assert not box.flush(0.1)
    assert box.sent == 0
    box.close()
    assert box.lost == 20


def test_what_is_refused_is_lost_counted_and_told(caplog):
    with serving(lambda _: Answer(401, {"detail": "no such key"})) as server, caplog.at_level(logging.WARNING):
        before = sending()[1]
        assert loopwright.feedback("up", trace_id=TRACE, to=server.url, token="s3cret")
        assert flush(10)
    assert sending()[1] == before + 1
    assert "feedback was lost" in caplog.text
    assert "answered 401" in caplog.text
    assert "LOOPWRIGHT_TOKEN" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_full_box_loses_the_newest_and_waits_for_nobody(caplog):
    box = Outbox(f"http://127.0.0.1:{free_port()}", capacity=3)
    with caplog.at_level(logging.WARNING):
        started = time.monotonic()
        assert [box.put(Letter("/v1/feedback", b"{}")) for _ in range(5)] == [True, True, True, False, False]
        assert time.monotonic() - started < 1
    assert box.lost == 2
    assert "feedback was lost (2 so far)" in caplog.text
    box.close()
    assert box.lost == 5
    assert not box.put(Letter("/v1/feedback", b"{}"))


def test_an_endpoint_that_speaks_otlp_only_gets_an_evaluation_event():
    with serving(lambda asked: Answer(200, {}) if asked.path == "/v1/logs" else None) as server:
        box_before = sending()
        assert loopwright.feedback("down", trace_id=TRACE, span_id=SPAN, comment="no", to=f"{server.url}/v1/traces")
        assert loopwright.feedback("up", response_id="resp_1", to=f"{server.url}/v1/traces")
        assert flush(10)
    assert sending() == (box_before[0] + 2, box_before[1])
    first, second = (
        asked.json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0] for asked in server.asked if asked.path == "/v1/logs"
    )
    assert (first["traceId"], first["spanId"], first["eventName"]) == (TRACE, SPAN, "gen_ai.evaluation.result")
    assert {"key": "gen_ai.response.id", "value": {"stringValue": "resp_1"}} in second["attributes"]


def test_a_redirect_takes_the_token_nowhere(caplog):
    with serving(lambda _: Answer(302, headers={"Location": "http://127.0.0.1:1/"})) as server, caplog.at_level(logging.WARNING):
        box = Outbox(server.url, "t0ken")
        box.put(Letter("/v1/feedback", b"{}"))
        assert box.flush(10)
        assert (box.lost, len(server.asked)) == (1, 1)


def test_pauses_grow_are_scattered_and_capped(monkeypatch):
    monkeypatch.setattr(outbox, "FIRST_WAIT_S", 0.5)
    assert 0.25 <= pause(0) <= 0.5
    assert 2 <= pause(3) <= 4
    assert pause(50) <= outbox.LONGEST_WAIT_S
    assert pause(0, "7") == 7
    assert pause(0, "100000") == outbox.LONGEST_WAIT_S
    assert pause(0, "Wed, 21 Oct 2015 07:28:00 GMT") <= 0.5


def test_what_cannot_be_said_is_refused_at_once():
    with pytest.raises(UsageError, match="on nothing"):
        loopwright.feedback("down", to="x")
    with pytest.raises(UsageError, match="says nothing"):
        loopwright.feedback({}, trace_id="t", to="x")
    with pytest.raises(UsageError, match="nowhere to go"):
        loopwright.feedback("up", trace_id="t")


FORKING = """
import os, sys, time, logging
import loopwright
from loopwright.agent import outbox
from loopwright.agent.feedback import flush, sending
for n in range(3):
    loopwright.feedback("up", trace_id=f"parent-{n}")
child = os.fork()
if child == 0:
    loopwright.feedback("up", trace_id="child")
    ok = flush(10)
    os._exit(0 if ok and sending()[0] >= 1 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_and_the_end_of_a_process_send_each_once():
    with serving(accept) as server:
        environ = {**os.environ, "LOOPWRIGHT_ENDPOINT": server.url}
        done = subprocess.run([sys.executable, "-c", FORKING], env=environ, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "0"
        said = [asked.json["trace_id"] for asked in server.asked]
    assert sorted(said) == ["child", "parent-0", "parent-1", "parent-2"]
