from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings

from builders import mode
from loopwright.adapters.store.store import SqlStore
from loopwright.cluster.mode import ModeDescription
from loopwright.errors import UsageError
from loopwright.judge.verdict import Label, Verdict
from strategies import record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_of_one_judge_and_one_item_the_latest_verdict_counts(store: SqlStore) -> None:
    first = Verdict("t1", "judge-a", None, error="no answer")
    store.put_verdicts([first, Verdict("t2", "judge-a", True), Verdict("t1", "judge-b", False)])
    store.put_verdicts([replace(first, passed=True, error=None)])
    assert [(v.item_id, v.judge_id, v.passed) for v in store.verdicts()] == [
        ("t1", "judge-a", True), ("t2", "judge-a", True), ("t1", "judge-b", False),
    ]  # fmt: skip
    assert [v.item_id for v in store.verdicts("judge-b")] == ["t1"]


def test_of_one_person_and_one_item_the_latest_label_counts_and_the_trail_knows_both(store: SqlStore) -> None:
    store.put_labels([Label("t1", True, "Ann", NOW), Label("t1", True, "Ben", NOW)])
    store.put_labels([Label("t1", False, "Ann", NOW, "looked again")])
    assert [(x.by, x.passed, x.note) for x in store.labels()] == [("Ann", False, "looked again"), ("Ben", True, "")]
    assert [(e.actor, e.action, e.details) for e in store.audit()] == [
        ("Ann", "items labelled", {"passed": 1, "failed": 0}),
        ("Ben", "items labelled", {"passed": 1, "failed": 0}),
        ("Ann", "items labelled", {"passed": 0, "failed": 1}),
    ]


def test_nothing_written_leaves_no_trace(store: SqlStore) -> None:
    store.put_labels([])
    store.put_verdicts([])
    assert (store.labels(), store.verdicts(), store.audit()) == ([], [], [])


def test_what_a_model_wrote_of_a_mode_outlives_the_next_clustering(store: SqlStore) -> None:
    store.put_modes([mode("a", description="template"), mode("b", description="template")], [])
    store.describe_mode(ModeDescription("a", "first", "w", "f", "openai:m", NOW))
    store.describe_mode(ModeDescription("a", "what", "why", "fix", "openai:m", NOW))
    store.put_modes([mode("a", description="template again"), mode("b", description="template")], [])
    told = {m.mode_id: (m.description, m.why, m.possible_fix, m.described_by) for m in store.modes()}
    assert told == {"a": ("what", "why", "fix", "openai:m"), "b": ("template", "", "", "")}
    with pytest.raises(UsageError, match="unknown failure mode 'c'"):
        store.describe_mode(ModeDescription("c", "what", "why", "fix"))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(Verdict), record(Label))
def test_any_verdict_and_label_come_back_exactly(store: SqlStore, verdict: Verdict, label: Label) -> None:
    label = replace(label, at=NOW)
    store.put_verdicts([verdict])
    store.put_labels([label])
    assert repr([v for v in store.verdicts() if v.item_id == verdict.item_id and v.judge_id == verdict.judge_id]) == repr(
        [verdict]
    )
    assert label in store.labels()
