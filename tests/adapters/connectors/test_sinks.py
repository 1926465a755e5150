"""Evaluations written back to services over real HTTP: once, changed where they change, withdrawn where they are no more."""

from __future__ import annotations

import asyncio

import pytest

from faulty_server import Answer, serving
from loopwright import wiring
from loopwright.cluster.mode import FailureMode, Membership
from loopwright.collect.trace import Trace
from loopwright.errors import ServiceError
from loopwright.judge.verdict import CriterionVerdict, Verdict
from loopwright.mine.signal import FailureSignal, FailureTrace, Signal, Where
from loopwright.settings import load
from loopwright.wiring import collecting, connecting
from loopwright.workflows.connecting import pull_into
from loopwright.workflows.exporting import KINDS, export
from tracing_services import START, LangfuseServer, LangSmithServer, PhoenixServer

HEX = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
UUID = "00000000-0000-4000-8000-000000000010"


class Clock:
    def now(self):
        return START


@pytest.fixture
def keys(monkeypatch):
    for name, value in {
        "LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk", "LANGSMITH_API_KEY": "lsv2", "PHOENIX_API_KEY": "secret",
        "LOOPWRIGHT_TOKEN": "t0ken",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


def failure(id: str, score: float = 0.6, span: str | None = None) -> FailureTrace:
    signal = Signal(FailureSignal.HARD_ERROR, "errors", 0.8, 0.75, "the tool failed", Where((span,) if span else ()))
    return FailureTrace(id, START, signal.type, {}, [], "", "the tool failed", {}, 0.8, score, (signal,))


def fill(store, ids: list[str], span: str | None = None) -> None:
    store.put_traces([Trace(id, started_at=START) for id in ids])
    store.replace_failures([failure(id, span=span if n == 0 else None) for n, id in enumerate(ids)])
    mode = FailureMode("mode-1", "tool failures", "The tool fails.")
    store.put_modes([mode], [Membership(id, mode.mode_id, 0.9) for id in ids])
    criteria = (CriterionVerdict("correct", False, "it is not"),)
    store.put_verdicts([Verdict(ids[0], "judge-1", False, criteria, "r", "m", at=START)])


@pytest.fixture
def store(tmp_path):
    with wiring.store(load({"store.url": f"sqlite:///{tmp_path / 'l.db'}"}, environ={})) as opened:
        yield opened


def write(store, address: str, kinds=tuple(KINDS)):
    settings = load({"connect.tries": 3}, environ={})
    sink = connecting.evaluation_sink(address, settings, Clock())
    try:
        return asyncio.run(export(store, sink, kinds))
    finally:
        sink.close()


def posts(server) -> int:
    return sum(asked.method in ("POST", "PATCH") for asked in server.asked)


def test_langfuse_gets_scores_once(store, keys):
    data = LangfuseServer()
    fill(store, [HEX, "b" * 32], SPAN)
    with serving(data) as server:
        address = f"langfuse://{server.host}/desk"
        done = write(store, address)
        assert dict(done.sent) == {
            "loopwright.failure": 2, "loopwright.hard_error": 2, "loopwright.judge": 1, "loopwright.mode": 2,
        }  # fmt: skip
        written = dict(data.scores)
        assert {row["name"]: row["value"] for row in written.values() if row["traceId"] == HEX} == {
            "loopwright.failure": 0.6, "loopwright.hard_error": pytest.approx(0.6), "loopwright.judge": 0.0,
            "loopwright.mode": 0.9,
        }  # fmt: skip
        assert {row.get("observationId") for row in written.values()} == {None, SPAN}
        before = posts(server)
        again = write(store, address)
        assert (again.sent, again.unchanged, posts(server)) == ((), 7, before)
        store.set_cursor(f"export {address}", "")
        write(store, address)
        assert len(data.scores) == len(written) == 7


def test_langfuse_that_takes_lists_alone_gets_them_and_its_refusals_are_told(store, keys):
    data = LangfuseServer()
    fill(store, [HEX])

    def lists(asked):
        if asked.path != "/api/public/scores":
            return data(asked)
        if not isinstance(asked.json, list):
            return Answer(400, {"message": "expected an array"})
        (score,) = asked.json
        if score["name"] == "loopwright.mode":
            return Answer(207, {"accepted": 0, "rejected": 1, "errors": [{"message": "no such name"}]})
        data.scores[score["id"]] = score
        return Answer(202, {"message": "Accepted"})

    with serving(lists) as server:
        done = write(store, f"langfuse://{server.host}/desk")
    assert {score["name"] for score in data.scores.values()} == {
        "loopwright.failure", "loopwright.hard_error", "loopwright.judge",
    }  # fmt: skip
    assert all(score["timestamp"] == START.isoformat() for score in data.scores.values())
    assert "no such name" in str(done.refused)


def test_what_changes_is_written_again_and_what_is_no_more_is_withdrawn(store, keys):
    data = LangfuseServer()
    fill(store, [HEX, "b" * 32])
    with serving(data) as server:
        address = f"langfuse://{server.host}/desk"
        write(store, address)
        store.replace_failures([failure(HEX, 0.9)])
        assert dict(write(store, address, ("signals",)).sent) == {"loopwright.failure": 2, "loopwright.hard_error": 1}
        told = {(row["traceId"], row["name"]): row for row in data.scores.values()}
        assert told[HEX, "loopwright.failure"]["value"] == 0.9
        assert told["b" * 32, "loopwright.failure"]["value"] == 0
        assert told["b" * 32, "loopwright.failure"]["metadata"]["label"] == "withdrawn"
        assert write(store, address, ("signals",)).sent == ()
        store.replace_failures([failure(HEX, 0.9), failure("b" * 32, 0.6)])
        assert dict(write(store, address, ("signals",)).sent) == {"loopwright.failure": 1, "loopwright.hard_error": 1}


def test_langsmith_gets_feedback_and_changes_it(store, keys):
    data = LangSmithServer()
    fill(store, [UUID])
    with serving(data) as server:
        address = f"langsmith://{server.host}/desk"
        assert sum(count for _, count in write(store, address).sent) == 4
        assert {row["run_id"] for row in data.feedback.values()} == {UUID}
        store.set_cursor(f"export {address}", "")
        store.replace_failures([failure(UUID, 0.9)])
        write(store, address)
        assert len(data.feedback) == 4
        assert {row["score"] for row in data.feedback.values() if row["key"] == "loopwright.failure"} == {0.9}


def test_phoenix_gets_annotations_and_names_what_it_does_not_know(store, keys):
    data = PhoenixServer("secret")
    fill(store, [HEX, "unknown"], SPAN)

    def service(asked):
        if asked.method == "POST" and any(item.get("trace_id") == "unknown" for item in asked.json["data"]):
            return Answer(404, b"Traces with IDs unknown do not exist.")
        return data(asked)

    with serving(service) as server:
        address = f"phoenix://{server.host}/desk"
        done = write(store, address)
        assert {item.problem.partition(":")[0] for item in done.refused} == {"trace unknown"}
        assert len(done.refused) == 3
        assert [len(data.annotations[level]) for level in ("span", "trace")] == [1, 3]
        assert len(write(store, address).refused) == 3
        assert [len(data.annotations[level]) for level in ("span", "trace")] == [1, 3]


def test_any_endpoint_gets_evaluation_events(store, keys):
    fill(store, [HEX, "no hex"], SPAN)
    rejecting = Answer(200, {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "no"}})
    with serving(lambda _: Answer(200, {})) as server:
        done = write(store, server.url)
        assert {item.reason for item in done.refused} == {"bad id"}
        (asked,) = server.asked
        assert (asked.path, asked.headers["authorization"]) == ("/v1/logs", "Bearer t0ken")
        records = asked.json["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        assert {record["eventName"] for record in records} == {"gen_ai.evaluation.result"}
        assert {(record["traceId"], record.get("spanId")) for record in records} == {(HEX, None), (HEX, SPAN)}
        assert sum(count for _, count in write(store, server.url).sent) == 0
        store.set_cursor(f"export {server.url}", "")
        server.service = lambda _: rejecting
        assert {item.reason for item in write(store, server.url).refused} == {"bad id", "not taken"}


def test_an_interrupted_export_goes_on(store, keys, monkeypatch):
    from loopwright.workflows import exporting

    monkeypatch.setattr(exporting, "BATCH", 2)
    data = LangfuseServer()
    ids = [f"{n:032x}" for n in range(10)]
    fill(store, ids)
    with serving(data) as server:
        address = f"langfuse://{server.host}/desk"
        server.faults.extend([None] * 11 + [Answer(403)])
        with pytest.raises(ServiceError, match="LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"):
            write(store, address)
        assert 0 < len(data.scores) < 31
        done = write(store, address)
        assert len(data.scores) == 31
        assert done.unchanged == 10


@pytest.mark.parametrize("kind", ["langfuse", "langsmith", "phoenix"])
def test_what_was_written_back_does_not_come_again_as_feedback(kind, store, keys):
    data = {"langfuse": LangfuseServer, "langsmith": LangSmithServer, "phoenix": PhoenixServer}[kind]()
    id = data.add(1)
    with serving(data) as server:
        address = f"{kind}://{server.host}/desk?since=2026-11-01"
        for _ in range(2):
            service, asked = connecting.trace_service(address + "&again=1", load({}, environ={}), wiring.clock(), keep=False)
            asyncio.run(pull_into(store, service, asked, collecting.settling()))
            service.close()
            assert store.trace(id).feedback == ()
            store.replace_failures([failure(id)])
            write(store, address.partition("?")[0])
            if kind == "langsmith":
                data.runs[0]["feedback_stats"] = {"loopwright.failure": {"n": 1, "avg": 0.6}}
    assert store.count_traces() == 1
