from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from loopwright.errors import InputError
from loopwright.judge.calibrate import Pair, calibrate
from loopwright.judge.exchange import calibration_record, join, one_each, read_label, read_pair, read_verdict, verdict_record
from loopwright.judge.verdict import CriterionVerdict, Label, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_line_is_a_pair_and_other_fields_are_left_alone() -> None:
    assert read_pair({"item_id": "a", "judge": True, "human": False, "reason": {"x": 1}}) == Pair("a", True, False)
    assert read_pair({"item_id": 7, "judge": None}) == Pair("7", None, None)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"judge": True}, "L.jsonl:3: item_id is missing"),
        ({"item_id": " ", "judge": True}, "item_id is"),
        ({"item_id": True, "judge": True}, "item_id is true"),
        ({"item_id": "a"}, "judge is missing"),
        ({"item_id": "a", "judge": 1}, "judge is 1; give true, false, or null"),
        ({"item_id": "a", "judge": True, "human": "yes"}, 'human is "yes"'),
    ],
)
def test_a_malformed_line_is_refused_with_its_place(record: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_pair(record, "L.jsonl", 3)


def test_of_several_labels_of_one_item_the_majority_counts() -> None:
    rows = [Pair("a", True, True), Pair("a", True, False), Pair("a", True, True), Pair("b", False, True), Pair("b", False, False)]
    assert one_each((pair, "f", i) for i, pair in enumerate(rows)) == [Pair("a", True, True), Pair("b", False, None)]
    with pytest.raises(InputError, match=r"f:2: item \"a\" has another verdict in line 1"):
        one_each([(Pair("a", True), "f", 1), (Pair("a", False), "f", 2)])


def test_verdicts_meet_labels_by_item() -> None:
    labels = [
        Label("a", True, "Ann", NOW),
        Label("a", False, "Ben", NOW),
        Label("b", False, "Ann", NOW),
        Label("z", True, "Ann", NOW),
    ]
    found = join([Verdict("a", "j", True), Verdict("b", "j", True), Verdict("c", "j", None)], labels)
    assert found == [Pair("a", True, None), Pair("b", True, False), Pair("c", None, None)]


def test_a_verdict_goes_out_and_comes_back() -> None:
    verdict = Verdict("t1", "judge-1", False, (CriterionVerdict("c", False, "why"),), "r", "openai:m", error=None)
    record = verdict_record(verdict)
    assert record["judge"] is False
    assert read_verdict(record) == verdict
    assert read_pair(record) == Pair("t1", False)
    assert read_verdict({"item_id": "a", "judge": True}) == Verdict("a", "", True)
    with pytest.raises(InputError, match="criteria is"):
        read_verdict({"item_id": "a", "judge": True, "criteria": [{"criterion": 3}]})


def test_a_label_may_have_a_note_and_may_be_left_out() -> None:
    assert read_label({"item_id": "a", "human": False, "note": "rude"}) == ("a", False, "rude")
    assert read_label({"item_id": "a", "human": None}) is None
    with pytest.raises(InputError, match="note is 3"):
        read_label({"item_id": "a", "human": True, "note": 3})


def test_the_record_has_the_fields_of_the_contract() -> None:
    record = calibration_record(calibrate([Pair("a", True, True)]))
    figures = ("agreement", "kappa", "tpr", "tnr", "pass_rate_raw", "pass_rate_corrected")
    assert {"n", "usable", "why", *figures} <= set(record)
    assert all(set(record[name]) == {"value", "low", "high"} for name in figures)
    assert record["tnr"] == {"value": None, "low": 0.0, "high": 1.0}
