"""Whatever stands where a tool writes something else: a row, or a refusal, and never a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.adapters.importers.results.deepeval import DeepEval
from loopwright.adapters.importers.results.inspect_log import InspectLog
from loopwright.adapters.importers.results.junit import JUnit
from loopwright.adapters.importers.results.promptfoo import Promptfoo
from loopwright.errors import InputError, RecordError
from loopwright.gate.exchange import read_result

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
METADATA = st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "mode_id", "deterministic", "layer", "version", "tags"), ANY))
PROMPTFOO = {
    "success": st.booleans() | ANY,
    "testCase": st.fixed_dictionaries({}, optional={"vars": ANY, "metadata": METADATA | ANY}) | ANY,
    "vars": ANY, "error": ANY, "failureReason": ANY, "gradingResult": ANY, "response": ANY, "score": ANY, "cost": ANY,
    "latencyMs": ANY, "tokenUsage": ANY, "provider": ANY, "promptIdx": ANY, "id": ANY,
}  # fmt: skip
DEEPEVAL = {
    "name": ANY, "input": ANY, "success": st.booleans() | ANY, "metricsData": ANY, "expectedOutput": ANY, "completionTime": ANY,
    "tokenCost": ANY, "tags": ANY, "metadata": METADATA | ANY, "additionalMetadata": ANY,
}  # fmt: skip
INSPECT = {
    "id": st.text(max_size=4) | ANY, "epoch": st.integers(1, 3) | ANY, "scores": ANY, "error": ANY, "limit": ANY, "input": ANY,
    "target": ANY, "choices": ANY, "model_usage": ANY, "total_time": ANY, "metadata": METADATA | ANY, "invalidation": ANY,
}  # fmt: skip
NAMES = (
    "eval_id", "run_id", "version", "mode_id", "layer", "suite_digest", "case_digest", "error", "score", "cost_usd", "latency_ms",
    "trial", "tokens", "deterministic", "repeat", "tags", "passed", "x",
)  # fmt: skip


def read(rows: Any) -> None:
    for row in rows:
        try:
            read_result(row, "a file", 1)
        except InputError as error:
            assert error.cure


def told(tool: Any, records: list[Mapping[str, Any]], header: Mapping[str, Any]) -> None:
    try:
        for record in records:
            tool.take(record)
        read(tool.finish(header))
        assert isinstance(tool.notes, list)
    except RecordError as error:
        assert error.cure


@pytest.mark.parametrize(
    ("make", "fields"),
    [(Promptfoo, PROMPTFOO), (DeepEval, DEEPEVAL), (lambda: InspectLog(1.0), INSPECT)],
    ids=["promptfoo", "deepeval", "inspect"],
)
@given(data=st.data())
@settings(max_examples=150, derandomize=True, deadline=None)
def test_any_values_are_rows_or_refused(make: Any, fields: dict[str, Any], data: st.DataObject) -> None:
    records = data.draw(st.lists(st.fixed_dictionaries({}, optional=fields), max_size=3))
    told(
        make(),
        records,
        data.draw(st.fixed_dictionaries({}, optional={"evalId": ANY, "eval": ANY, "status": ANY, "runDuration": ANY})),
    )


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.sampled_from(NAMES), st.sampled_from(("", "true", "no", "1", "-1", "nan", "1e999", "a,b", "x y")))
            ),
            st.lists(st.sampled_from(("failure", "error", "skipped", "rerunFailure", "flakyError")), max_size=3),
        ),
        max_size=3,
    ),
    st.booleans(),
)
@settings(max_examples=200, derandomize=True, deadline=None)
def test_any_properties_of_a_test_are_rows_or_refused(tests: Any, prefixed: bool) -> None:
    made = "".join(
        f'<testcase classname="a" name="t{n}"><properties>'
        + "".join(
            f"<property name={quoteattr(('loopwright.' if prefixed else '') + name)} value={quoteattr(value)}/>"
            for name, value in told
        )
        + "</properties>"
        + "".join(f"<{kind}/>" for kind in kinds)
        + "</testcase>"
        for n, (told, kinds) in enumerate(tests)
    )
    report = JUnit()
    read(report.read([f"<testsuite>{made}</testsuite>".encode()]))
    assert isinstance(report.notes, list)


def test_a_test_that_says_that_it_is_a_repeat_is_one() -> None:
    inside = '<properties><property name="loopwright.repeat" value="true"/></properties>'
    (row,) = JUnit().read([f'<testsuite><testcase name="a">{inside}</testcase></testsuite>'.encode()])
    assert row["repeat"] is True
