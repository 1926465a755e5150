from __future__ import annotations

import json

import pytest

from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.intake import Rejected
from loopwright.ports import Imported, ImportedFeedback

FIRST, SECOND = "a" * 32, "b" * 32


def spans(trace: str, *ids: str, text: str = "") -> str:
    made = [
        {"traceId": trace, "spanId": id * 16, "name": id, "attributes": [{"key": "x", "value": {"stringValue": text}}]}
        for id in ids
    ]
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": made}]}]}) + "\n"


def logs(trace: str | None, span: str | None, name: str = "note", **attributes: str) -> str:
    pairs = [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in attributes.items()]
    record = {
        "eventName": name,
        "attributes": pairs,
        **({"traceId": trace} if trace else {}),
        **({"spanId": span * 16} if span else {}),
    }
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}) + "\n"


@pytest.fixture
def read(tmp_path):
    def reading(*texts: str, format: str | None = None):
        files = []
        for number, text in enumerate(texts):
            files.append(tmp_path / f"{number}.jsonl")
            files[-1].write_text(text)
        return list(FileTraceReader(1_000_000).read([str(file) for file in files], format))

    return reading


def summary(found) -> list:
    return [
        f.reason if isinstance(f, Rejected) else f.given.verdicts[0].value if isinstance(f, ImportedFeedback)
        else (f.trace.trace_id[0], [s.name for s in f.trace.steps], f.line)
        for f in found
    ]  # fmt: skip


def test_a_trace_is_put_together_across_lines_and_files(read):
    found = read(spans(FIRST, "1") + spans(SECOND, "2") + spans(FIRST, "3"), spans(FIRST, "4"))
    assert summary(found) == [("a", ["1", "3", "4"], 1), ("b", ["2"], 2)]
    assert found[0].format == "otlp"
    assert [name[-7:] for name in found[0].others] == ["1.jsonl"]


def test_other_formats_stand_between(read):
    chat = json.dumps({"id": "c", "messages": [{"role": "user", "content": "hi"}]}) + "\n"
    assert summary(read(spans(FIRST, "1") + chat + "{\n" + spans(FIRST, "2"))) == [
        ("c", [], 2),
        "malformed JSON",
        ("a", ["1", "2"], 1),
    ]


def test_an_id_that_another_format_took_is_refused(read):
    chat = json.dumps({"id": FIRST, "messages": [{"role": "user", "content": "hi"}]}) + "\n"
    assert summary(read(spans(FIRST, "1") + chat)) == [("a", [], 2), "duplicate id"]


def test_a_bad_span_is_refused_by_itself(read):
    bad = spans(SECOND, "2").replace(SECOND, "zz")
    assert summary(read(bad + spans(FIRST, "1"))) == ["bad id", ("a", ["1"], 2)]
    both = json.loads(spans(FIRST, "1", "2"))
    both["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["spanId"] = "zz"
    assert summary(read(json.dumps(both))) == ["bad id", ("a", ["2"], 1)]


def test_more_than_can_be_held_goes_to_a_file_and_nothing_of_it_is_lost(tmp_path):
    long = "x" * 1500
    file = tmp_path / "t.jsonl"
    file.write_text(
        spans(FIRST, "1", text=long) + spans(SECOND, "2", text=long) + spans(SECOND, "3", text=long) + spans(FIRST, "4")
    )
    found = list(FileTraceReader(1_000_000, held_bytes=2000).read([str(file)]))
    assert summary(found) == [("a", ["1", "4"], 1), ("b", ["2", "3"], 2)]
    assert found == list(FileTraceReader(1_000_000).read([str(file)]))


def test_log_records_belong_to_spans_or_are_feedback_or_are_refused(read):
    verdict = logs(
        FIRST, "9", "gen_ai.evaluation.result", gen_ai__evaluation__name="quality", gen_ai__evaluation__score__label="fail"
    )
    given = logs(None, None, "gen_ai.evaluation.result", session__id="s1", loopwright__feedback='{"value": "down"}')
    found = read(logs(FIRST, "1") + verdict + given + logs(None, None) + logs(SECOND, "2"), spans(FIRST, "1"))
    refused = "not taken from its request"
    assert summary(found) == ["fail", False, refused, ("a", ["1"], 1), "log record without its span"]
    assert found[0].given.span_id == "9" * 16


def test_feedback_records(read):
    lines = [
        {"trace_id": FIRST.upper(), "feedback": "down", "timestamp": "2026-01-01T00:00:00Z"},
        {"session_id": "s1", "feedback": {"rating": 2}},
        {"trace_id": "x", "feedback": ""},
        {"trace_id": "", "feedback": "up"},
        {"trace_id": ["x"], "feedback": "up"},
    ]
    found = read("".join(json.dumps(line) + "\n" for line in lines))
    assert summary(found)[:2] == [False, 2.0]
    assert found[0].given.trace_id == FIRST
    assert found[0].given.verdicts[0].at == found[0].given.at
    assert [f.reason for f in found[2:]] == ["empty feedback", "feedback without a place", "bad id"]


def test_a_format_may_be_named(read):
    assert summary(read(spans(FIRST, "1"), format="otlp")) == [("a", ["1"], 1)]
    assert isinstance(read(spans(FIRST, "1"))[0], Imported)


def test_metrics_are_no_traces(read):
    record = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m"}]}]}]}
    (refused,) = read(json.dumps(record))
    assert str(refused).endswith("holds 1 metrics, and no trace; leave metrics out")
