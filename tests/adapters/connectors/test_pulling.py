"""The three services over real HTTP: everything comes, once, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from faulty_server import Answer, serving
from loopwright import wiring
from loopwright.adapters.connectors import http, langfuse, langsmith, phoenix, slices
from loopwright.adapters.connectors.http import Manners, Service
from loopwright.adapters.connectors.pulling import Connection
from loopwright.collect.trace import Message, Trace
from loopwright.errors import ServiceError
from loopwright.settings import load
from loopwright.wiring import collecting
from loopwright.workflows.connecting import Asked, pull, pull_into, read_position
from loopwright.workflows.importing import import_spans
from tracing_services import START, LangfuseServer, LangSmithServer, PhoenixServer

LATER = START + timedelta(hours=6)
MADE = {
    "langfuse": LangfuseServer,
    "langfuse-3": lambda: LangfuseServer(version=3),
    "langsmith": LangSmithServer,
    "phoenix": lambda: PhoenixServer("secret"),
}
KINDS = sorted(MADE)


class Waits(list):
    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def connection(kind: str, url: str, waits: Waits | None = None, tries: int = 8, timeout: float = 5.0) -> Connection:
    manners = Manners(tries=tries, timeout_s=timeout, sleep=waits if waits is not None else Waits())
    headers, project = {
        "langfuse": (langfuse.headers("pk", "sk"), langfuse.Langfuse),
        "langsmith": (langsmith.headers("lsv2", None), langsmith.LangSmith),
        "phoenix": (phoenix.headers("secret"), phoenix.Phoenix),
    }[kind.partition("-")[0]]
    service = Service(f"{kind.partition('-')[0]}://host/desk", url, headers, "set the keys", manners)
    return Connection(project(service, "desk"), None)


@pytest.fixture
def store(tmp_path):
    with wiring.store(load({"store.url": f"sqlite:///{tmp_path / 'l.db'}"}, environ={})) as opened:
        yield opened


ASKED = Asked(LATER, since=START - timedelta(hours=1))


def into(store, service, asked=ASKED):
    try:
        return asyncio.run(pull_into(store, service, asked, collecting.settling()))
    finally:
        service.close()


def texts(store) -> dict[str, list[str]]:
    return {trace.trace_id: [message.text for message in trace.messages] for trace in store.traces()}


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_project_comes_with_its_feedback(kind, store):
    data = MADE[kind]()
    ids = [data.add(number) for number in range(40)]
    last = data.spans[-1]["context"]["span_id"] if kind == "phoenix" else ids[-1]
    data.score("a1", last, 0.0, at=START + timedelta(hours=1), comment="wrong date")
    with serving(data) as server:
        intake = into(store, connection(kind, server.url))
    assert (intake.taken, intake.unchanged, intake.rejected_count, intake.feedback, intake.unjoined) == (40, 0, 0, 1, 0)
    found = texts(store)
    assert set(found) == set(ids)
    assert all(f"question {number}" in " ".join(found[id]) for number, id in enumerate(ids))
    (verdict,) = store.trace(ids[-1]).feedback
    assert "wrong date" in verdict.comment
    assert store.trace(ids[1]).session_id == "s1"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_is_not_asked_for_again_and_what_is_new_comes(kind, store):
    data = MADE[kind]()
    for number in range(10):
        data.add(number)
    with serving(data) as server:
        into(store, connection(kind, server.url))
        first = len(server.asked)
        assert into(store, connection(kind, server.url), replace(ASKED, now=LATER + timedelta(minutes=1))).taken == 0
        assert len(server.asked) - first <= 12
        data.add(77, at=LATER - timedelta(minutes=30))
        data.add(78, at=LATER + timedelta(minutes=30))
        again = into(store, connection(kind, server.url), replace(ASKED, now=LATER + timedelta(hours=1)))
        assert (again.taken, again.unchanged) == (2, 0)
        everything = into(store, connection(kind, server.url), replace(ASKED, now=LATER + timedelta(hours=1), again=True))
    assert (everything.taken, everything.unchanged) == (12, 12)
    assert store.count_traces() == 12


def spoilt(answer: Answer) -> Answer:
    return replace(answer, body=b'{"data": [')


def cut(answer: Answer) -> Answer:
    return replace(answer, cut=25)


@pytest.mark.parametrize("kind", KINDS)
def test_faults_on_the_way_change_nothing(kind, store):
    data = MADE[kind]()
    ids = [data.add(number) for number in range(60)]
    waits = Waits()
    with serving(data) as server:
        busy = Answer(429, {"error": "slow down"}, {"Retry-After": "7"})
        server.faults.extend(
            [None, None, busy, Answer(500), spoilt, cut, Answer(503, b"<html>", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})]
        )
        server.faults.extend([None, cut, Answer(502), busy])
        intake = into(store, connection(kind, server.url, waits))
    assert intake.taken == 60
    assert set(texts(store)) == set(ids)
    assert waits.count(7.0) == 2
    assert all(0 <= wait <= 60 for wait in waits)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_pull_goes_on_and_gives_the_same(kind, store, tmp_path, monkeypatch):
    monkeypatch.setattr(slices, "FIRST_WIDTH", timedelta(minutes=20))
    monkeypatch.setattr(slices, "FEW_ROWS", 0)
    data = MADE[kind]()
    for number in range(0, 240, 3):
        data.add(number)
    with serving(data) as server, wiring.store(load({"store.url": f"sqlite:///{tmp_path / 'o.db'}"}, environ={})) as other:
        into(other, connection(kind, server.url))
        whole = len(server.asked)
        stops = 0
        for allowed in (3, 4, 6, 9, 25):
            server.faults.extend([None] * allowed + [Answer(500)] * 2)
            try:
                into(store, connection(kind, server.url, tries=2))
            except ServiceError:
                stops += 1
            server.faults.clear()
        into(store, connection(kind, server.url))
        assert stops >= 2
        assert whole > 5
        assert texts(store) == texts(other)


@pytest.mark.parametrize("kind", KINDS)
def test_small_pages_and_stretches_with_too_much_are_cut(kind, store, monkeypatch):
    monkeypatch.setattr(slices, "MANY_ROWS", 20)
    for module in (langfuse, langsmith, phoenix):
        monkeypatch.setattr(module, "A_PAGE", 7)
    monkeypatch.setattr(langfuse, "SCORES_A_PAGE", 7)
    data = MADE[kind]()
    ids = [data.add(number, at=START + timedelta(seconds=20 * number), steps=3) for number in range(50)]
    with serving(data) as server:
        assert into(store, connection(kind, server.url)).taken == 50
    assert set(texts(store)) == set(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_what_arrives_during_paging_and_pages_that_repeat_make_nothing_twice(kind, store, monkeypatch):
    for module in (langfuse, langsmith, phoenix):
        monkeypatch.setattr(module, "A_PAGE", 10)
    monkeypatch.setattr(langfuse, "SCORES_A_PAGE", 10)
    data = MADE[kind]()
    ids = {data.add(number) for number in range(30)}
    arriving = iter(range(100, 130))

    def service(asked):
        answer = data(asked)
        if (number := next(arriving, None)) is not None:
            ids.add(data.add(number, at=START + timedelta(seconds=number)))
        return answer

    with serving(service) as server:
        into(store, connection(kind, server.url))
        for _ in arriving:
            pass
        into(store, connection(kind, server.url), replace(ASKED, again=True))
    assert set(texts(store)) == ids
    assert store.count_traces() == len(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trace_that_goes_on_is_held_back_and_one_that_went_on_is_read_whole(kind, store):
    data = MADE[kind]()
    young = data.add(1, at=LATER - timedelta(minutes=4))
    data.add(2, at=START)
    with serving(data) as server:
        assert into(store, connection(kind, server.url)).taken == 1
        assert store.trace(young) is None
        assert read_position(store.cursor(connection(kind, server.url).name)).end <= LATER - timedelta(minutes=4)
        assert into(store, connection(kind, server.url), replace(ASKED, now=LATER + timedelta(minutes=10))).taken == 1
        steps = len(store.trace(young).steps)
        _later(data, kind, young, LATER + timedelta(minutes=9))
        into(store, connection(kind, server.url), replace(ASKED, now=LATER + timedelta(hours=1)))
    assert len(store.trace(young).steps) == steps + 1


def _later(data, kind: str, id: str, at: datetime) -> None:
    if kind == "phoenix":
        data.add(1, at=at, steps=1)
        data.spans[-1]["context"]["span_id"] = "ffffffffffffffff"
        data.spans[-1]["parent_id"] = data.spans[0]["context"]["span_id"]
        return
    if kind == "langsmith":
        data.runs.append({**data.runs[1], "id": "00000000-0000-4000-8000-ffffffffffff", "start_time": at.isoformat()})
    else:
        row = next(row for row in data.observations if row["traceId"] == id and row["parentObservationId"])
        moment = at.isoformat().replace("+00:00", "Z")
        data.observations.append({**row, "id": "ffffffffffffffff", "startTime": moment, "endTime": moment})


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_that_expired_are_told_with_the_cure(kind, store):
    data = MADE[kind]()
    data.add(1)
    data.key = "another"
    with serving(data) as server, pytest.raises(ServiceError, match=r"does not take the credentials \(40[13]\); set the keys"):
        into(store, connection(kind, server.url))
    assert len(server.asked) == 1


def test_a_service_that_stays_away_or_wants_long_waits_is_given_up(store):
    with serving(lambda _: Answer(503)) as server:
        with pytest.raises(ServiceError, match="answered 503, 3 times; what was read is kept"):
            into(store, connection("phoenix", server.url, tries=3))
        server.service = lambda _: Answer(429, headers={"Retry-After": "86400"})
        with pytest.raises(ServiceError, match="asks to wait 86400 s"):
            into(store, connection("phoenix", server.url))
        server.service = lambda _: Answer(200, {}, stall=0.5)
        with pytest.raises(ServiceError, match=r"gave no answer within 0.1 s, 2 times"):
            into(store, connection("phoenix", server.url, tries=2, timeout=0.1))
        server.service = lambda _: Answer(200, ["what?"])
        with pytest.raises(ServiceError, match="no list of 'data'"):
            into(store, connection("phoenix", server.url))
    with pytest.raises(ServiceError, match="cannot be reached"):
        into(store, connection("phoenix", server.url, tries=2))


@pytest.mark.parametrize("kind", ["langfuse", "langfuse-3", "langsmith"])
def test_verdicts_that_come_days_later_are_found(kind, store):
    data = MADE[kind]()
    id = data.add(1)
    with serving(data) as server:
        into(store, connection(kind, server.url))
        for days in (1, 2):
            into(store, connection(kind, server.url), replace(ASKED, now=LATER + timedelta(days=days)))
        data.score("late", id, 0.0, at=LATER + timedelta(days=2, minutes=5), comment="wrong date")
        intake = into(store, connection(kind, server.url), replace(ASKED, now=LATER + timedelta(days=3)))
    assert (intake.taken, intake.feedback, intake.unjoined) == (0, 1, 0)
    (verdict,) = store.trace(id).feedback
    assert "wrong date" in verdict.comment


def exported(kind: str, data) -> list[dict]:
    """What the service's API gives, as somebody saved it."""
    if kind == "langfuse-3":
        inner = {id: [row for row in data.observations if row["traceId"] == id] for id in data.traces}
        return [{"trace": trace, "observations": inner[id]} for id, trace in data.traces.items()]
    return {"langfuse": lambda: data.observations, "langsmith": lambda: data.runs, "phoenix": lambda: data.spans}[kind]()


@pytest.mark.parametrize("kind", KINDS)
def test_spans_are_kept_as_they_came_and_tell_what_a_file_of_them_tells(kind, store, tmp_path):
    data = MADE[kind]()
    ids = [data.add(number) for number in range(3)]
    path = tmp_path / "exported.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in exported(kind, data)))
    settings = load({"store.url": f"sqlite:///{tmp_path / 'file.db'}"}, environ={})
    with serving(data) as server, wiring.store(settings) as other:
        into(store, connection(kind, server.url))
        reader = wiring.trace_reader(settings)
        asyncio.run(import_spans(reader, [str(path)], store=other, settling=collecting.settling()))
        for id in ids:
            assert store.trace(id) == other.trace(id)
            assert store.spans_of(id)
        assert store.count_spans() == other.count_spans() == 6
        assert store.count_pending() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_arrives_too_late_for_its_time_comes_with_what_comes_after(kind, store):
    data = MADE[kind]()
    rows = data.spans if kind == "phoenix" else data.runs if kind == "langsmith" else data.observations
    id = data.add(1, steps=3)
    root = rows.pop(0)
    with serving(data) as server:
        into(store, connection(kind, server.url))
        assert len(store.trace(id).steps) == (3 if kind == "langfuse-3" else 2)  # the trace is a step around them
        rows.insert(0, root)
        late = LATER + timedelta(hours=1)
        _later(data, kind, id, late)
        into(store, connection(kind, server.url), replace(ASKED, now=late + timedelta(hours=1)))
    assert {"desk"} <= {step.name for step in store.trace(id).steps}
    assert store.count_spans() >= 4


def test_a_trace_that_was_kept_without_its_spans_is_read_whole(store):
    data = PhoenixServer("secret")
    id = data.add(1, steps=3)
    data.score("a1", data.spans[1]["context"]["span_id"], 0.0, at=START, comment="wrong date")
    store.put_traces([Trace(id, (Message("user", "question 1"),), started_at=START)])
    with serving(data) as server:
        began = START + timedelta(minutes=1, seconds=1)
        into(store, connection("phoenix", server.url), replace(ASKED, since=began))
    assert len(store.trace(id).steps) == 3
    assert len(store.trace(id).feedback) == 1


def test_a_cursor_that_names_itself_does_not_go_on_for_ever(store):
    data = PhoenixServer("secret")
    data.add(1)

    def service(asked):
        answer = data(asked)
        return replace(answer, body={**answer.body, "next_cursor": "again"}) if asked.path.endswith("/spans") else answer

    with serving(service) as server, pytest.raises(ServiceError, match="the same page again and again"):
        into(store, connection("phoenix", server.url))


def test_a_page_that_is_too_much_is_asked_for_in_smaller_ones(store):
    data = LangfuseServer()
    for number in range(30):
        data.add(number)

    def service(asked):
        if asked.path.endswith("/observations") and int(asked.one("limit")) > 20:
            return Answer(500, {"message": "out of memory"})
        return data(asked)

    with serving(service) as server:
        assert into(store, connection("langfuse", server.url)).taken == 30


def test_a_row_without_a_place_is_counted_and_the_rest_comes(store):
    data = LangfuseServer()
    for number in range(3):
        data.add(number)
    data.observations.append({**data.observations[0], "id": "lost", "traceId": None})
    data.observations.append({**data.observations[0], "id": " ", "traceId": "b" * 32, "type": "SPAN"})
    with serving(data) as server:
        intake = into(store, connection("langfuse", server.url))
    assert (intake.taken, intake.rejected_count) == (3, 2)
    assert ("no place", 1) in intake.reasons


def test_metadata_that_langfuse_cuts_is_read_whole(store):
    data = LangfuseServer()
    id = data.add(5)
    with serving(data) as server:
        into(store, connection("langfuse", server.url))
    assert "x" * 300 in str(store.trace(id))


def test_without_a_store_all_comes_joined_at_the_end():
    data = PhoenixServer("secret")
    ids = [data.add(number) for number in range(5)]
    data.annotate("trace", {"trace_id": ids[2], "name": "ok", "annotator_kind": "LLM", "result": {"label": "fail"}}, START)
    taken = []
    with serving(data) as server:
        service = connection("phoenix", server.url)
        intake = asyncio.run(pull(service, ASKED, collecting.settling(), taken.append))
        service.close()
    assert [trace.trace_id for trace in taken] == ids
    assert (intake.taken, intake.feedback, intake.unjoined) == (5, 1, 0)
    assert [len(trace.feedback) for trace in taken] == [0, 0, 1, 0, 0]


def test_retry_after_reads_seconds_and_dates():
    assert http._retry_after({"Retry-After": "1.5"}) == 1.5
    assert http._retry_after({"Retry-After": "-3"}) == 0
    assert http._retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert http._retry_after({"Retry-After": "soon"}) is None
    assert http._retry_after({}) is None
