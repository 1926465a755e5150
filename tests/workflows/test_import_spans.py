"""Imports of spans into a real store: broken off anywhere, they go on and come to the same."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pytest

from loopwright import wiring
from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.record import trace_object
from loopwright.settings import Settings
from loopwright.wiring.collecting import part_reader
from loopwright.workflows import importing
from loopwright.workflows.importing import Settling, import_spans
from loopwright.workflows.settling import opened


@dataclass
class Clock:
    now_: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.now_


def span(trace: int, number: int, parent: int | None = None) -> dict:
    made = {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "name": f"s{number}",
        "endTimeUnixNano": "1767225600000000000",
    }
    return made if parent is None else {**made, "parentSpanId": f"{parent:016x}"}


def request(*spans: dict) -> str:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]})


def written(folder, traces: int = 30):
    """A file in which spans, conversations, feedback, rows without ids and bad lines stand between each other."""
    lines = []
    for trace in range(1, traces + 1):
        lines.append(request(span(trace, 10 * trace)))
        lines.append(json.dumps({"id": f"c{trace}", "messages": [{"role": "user", "content": "hi"}]}))
        lines.append(json.dumps({"trace_id": f"{trace:032x}", "feedback": "down"}))
        lines.append(json.dumps({"input": "hi", "output": "hello"}))
        lines.append(
            "{" if trace % 7 == 0 else request(span(trace, 10 * trace + 1, 10 * trace), span(traces + 1 - trace, 1000 + trace))
        )
    file = folder / "t.jsonl"
    file.write_text("\n".join(lines))
    return file


def contents(store):
    parts = {(id, data) for id, data in store.all_parts()}
    traces = {trace.trace_id: (len(trace.steps), len(trace.messages), len(trace.feedback)) for trace in store.traces()}
    return len({id for id, _ in parts}), store.count_spans(), traces


def run(store, file, reader=None):
    return asyncio.run(
        import_spans(reader or FileTraceReader(100_000), [str(file)], store=store, settling=Settling(Clock(), part_reader()))
    )


class BrokenOffError(Exception):
    pass


class Breaking(FileTraceReader):
    """A reader that breaks off after so many things."""

    def __init__(self, after: int) -> None:
        super().__init__(100_000)
        self.left = after

    def read_parts(self, paths, format=None, after=None):
        for found in super().read_parts(paths, format, after):
            if not self.left:
                raise BrokenOffError
            self.left -= 1
            yield found


@pytest.mark.parametrize("after", [0, 1, 17, 44, 90, 140])
def test_an_import_that_broke_off_goes_on_and_comes_to_the_same(tmp_path, monkeypatch, after):
    monkeypatch.setattr(importing, "BATCH", 5)
    monkeypatch.setattr(importing, "BATCH_SPANS", 7)
    file = written(tmp_path)
    with wiring.store(Settings({"store.url": f"sqlite:///{tmp_path}/whole.db"})) as store:
        run(store, file)
        whole = contents(store)
    with wiring.store(Settings({"store.url": f"sqlite:///{tmp_path}/broken.db"})) as store:
        with pytest.raises(BrokenOffError):
            run(store, file, Breaking(after))
        intake = run(store, file)
        assert contents(store) == whole
        assert bool(intake.resumed) == (after > 10)
        again = run(store, file)
        assert contents(store) == whole
        assert (again.spans, again.resumed) == (0, ())


def test_what_an_import_counts(tmp_path):
    file = written(tmp_path, 7)
    with wiring.store(Settings({"store.url": f"sqlite:///{tmp_path}/t.db"})) as store:
        intake = run(store, file)
    assert dict(intake.formats) == {"otlp": 7, "chat": 7, "table": 7}
    assert (intake.taken, intake.feedback, intake.unjoined, intake.spans) == (21, 7, 0, 7 + 12)
    assert intake.reasons == (("malformed JSON", 1),)
    assert sum(file.taken + file.rejected for file in intake.files) == 21 + 7 + 1


def test_spans_of_a_trace_that_stand_in_several_exports_come_together(tmp_path):
    run_of = {
        "id": "r1",
        "run_type": "chain",
        "trace_id": "r1",
        "inputs": {"input": "hi"},
        "outputs": {"output": "hello"},
        "name": "a",
    }
    inner = {"id": "r2", "run_type": "tool", "trace_id": "r1", "parent_run_id": "r1", "inputs": {"x": 1}, "name": "look_up"}
    with wiring.store(Settings({"store.url": f"sqlite:///{tmp_path}/t.db"})) as store:
        for number, record in enumerate((inner, run_of, inner)):
            file = tmp_path / f"{number}.jsonl"
            file.write_text(json.dumps(record))
            intake = run(store, file)
        trace = store.trace("r1")
    assert intake.repeated == 1
    assert sorted((step.span_id, step.parent_id, step.kind) for step in trace.steps) == [
        ("r1", None, "other"),
        ("r2", "r1", "tool"),
    ]


def test_what_the_store_has_but_not_settled_is_no_other_content(tmp_path):
    """A trace that is still coming in, written out normalised and read again, is the same trace; one that tells other is not."""
    clock = Clock()
    settling = Settling(clock, part_reader())
    spans = tmp_path / "spans.jsonl"
    spans.write_text(request(span(1, 10, parent=9)))
    with wiring.store(Settings({"store.url": f"sqlite:///{tmp_path}/t.db"})) as store:
        (imported,) = FileTraceReader(10_000).read_parts([str(spans)])
        store.put_spans(imported.parts, clock.now())
        known = trace_object(opened(store, part_reader(), f"{1:032x}"))
        for record, taken in ((known, 1), ({**known, "agent": "another"}, 0)):
            file = tmp_path / "again.jsonl"
            file.write_bytes(msgspec.json.encode(record, enc_hook=str))
            intake = asyncio.run(import_spans(FileTraceReader(10_000), [str(file)], store=store, settling=settling))
            assert (intake.taken, intake.unchanged, len(intake.conflicts)) == (taken, taken, 1 - taken)
