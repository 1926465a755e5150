from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import result
from loopwright.errors import InputError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.exchange import decision_record, read_result

LEAST = {"eval_id": "refund", "trial": 0, "passed": True}


def test_the_least_row() -> None:
    assert read_result(LEAST) == EvalResult("refund", True)


def test_a_full_row_and_fields_that_are_not_ours() -> None:
    row = {
        "run_id": "monday", "error": None, "version": "v7", "suite_digest": "s1", "case_digest": "c1", "layer": "semantic",
        "mode_id": "mode-1", "deterministic": False, "repeat": True, "tags": ["refunds"], "score": 0.5, "cost_usd": 0.01,
        "latency_ms": 1, "tokens": 9,
        "judge": {"model": "x"},
    }  # fmt: skip
    read = read_result({**LEAST, **row})
    assert (read.run_id, read.repeat, read.tags, read.tokens, read.error) == ("monday", True, ("refunds",), 9, None)


@pytest.mark.parametrize("name", LEAST)
def test_what_is_needed_is_asked_for(name: str) -> None:
    with pytest.raises(InputError, match=rf"c\.jsonl:7: {name} is missing; give "):
        read_result({k: v for k, v in LEAST.items() if k != name}, "c.jsonl", 7)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("eval_id", 7), ("eval_id", " "), ("eval_id", None), ("trial", "0"), ("trial", -1), ("trial", 1.5), ("trial", True),
        ("trial", None), ("passed", 1), ("passed", "yes"), ("passed", "true"), ("run_id", 3), ("error", {"type": "x"}),
        ("deterministic", "true"), ("repeat", 1), ("tags", "refunds"), ("tags", [1]), ("score", "high"), ("score", True),
        ("cost_usd", []), ("latency_ms", "1s"), ("tokens", 1.5), ("version", 2), ("suite_digest", 1), ("case_digest", 1),
        ("layer", 1), ("mode_id", 1),
    ],
)  # fmt: skip
def test_wrong_types_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InputError) as refused:
        read_result({**LEAST, field: value}, "c.jsonl", 7)
    assert str(refused.value).startswith(f"c.jsonl:7: {field} is {json.dumps(value)}; give ")


@given(
    st.dictionaries(
        st.sampled_from([*LEAST, "score", "tags", "repeat", "error"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    )
)
def test_any_row_is_taken_or_refused_in_one_line(row: dict[str, Any]) -> None:
    try:
        read_result(row, "c.jsonl", 1)
    except InputError as refused:
        assert "\n" not in str(refused)


def test_the_decision_has_the_fields_of_the_contract() -> None:
    before = [result(f"case-{i}", True, t, mode_id="m", deterministic=i == 0) for i in range(30) for t in range(3)]
    after = [result(f"case-{i}", i > 20, t) for i in range(30) for t in range(3)]
    record = decision_record(decide(before, after))
    assert list(record)[:8] == ["decision", "regressions", "fixed", "flaky", "missing", "statistics", "next", "message"]
    assert {"alpha", "suite", "modes", "cases", "min_detectable_drop"} <= set(record["statistics"])
    by_level = {r["level"]: r for r in record["regressions"]}
    assert {"deterministic", "suite", "mode"} <= set(by_level)
    assert by_level["deterministic"]["eval_id"] == "case-0"
    assert by_level["deterministic"]["p_value"] is None
    assert by_level["mode"]["mode_id"] == "m"
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize("name", ["score", "cost_usd", "latency_ms"])
@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_whole_number_that_no_float_holds_is_refused_by_name(name: str, value: int) -> None:
    with pytest.raises(InputError, match=f"^c.jsonl:7: {name} is -?10000.*; give a number"):
        read_result({**LEAST, name: value}, "c.jsonl", 7)
