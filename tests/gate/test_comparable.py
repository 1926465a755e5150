"""A suite that grows is compared case by case; a case that was weakened or removed is never approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.comparable import SuiteChange, comparable, current, suite_change
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.gate.explain import explain

CASES = {f"case-{i:02}": "one" for i in range(20)}


def rows(
    cases: Mapping[str, str | None], suite: str | None, *, trials: int = 2, fails: int = 0, **fields: Any
) -> list[EvalResult]:
    """Trials of cases by id, each with its digest; the last `fails` cases fail."""
    lost = list(cases)[len(cases) - fails :]
    return [
        result(eval_id, eval_id not in lost, t, suite_digest=suite, case_digest=mark, **fields)
        for eval_id, mark in cases.items()
        for t in range(trials)
    ]


def without(cases: Mapping[str, str], *gone: str) -> dict[str, str]:
    return {eval_id: mark for eval_id, mark in cases.items() if eval_id not in gone}


BEFORE = rows(CASES, "s1")
DOUBTED: dict[str, tuple[list[EvalResult], str]] = {
    "a case was changed": (rows({**CASES, "case-03": "two"}, "s2"), "case-03 changed since"),
    "two were changed": (rows({**CASES, "case-03": "two", "case-05": "x"}, "s2"), "case-03, case-05 changed since"),
    "changed, though the suites claim to be the same": (rows({**CASES, "case-03": "two"}, "s1"), "case-03 changed since"),
    "changed, and no suites named": (rows({**CASES, "case-03": "two"}, None), "case-03 changed since"),
    "changed in one of two trials": (
        [*BEFORE[:-1], replace(BEFORE[-1], case_digest="two")],
        "case-19 changed since",
    ),
    "a case was removed": (rows(without(CASES, "case-03"), "s2"), "case-03 is in the baseline's suite and not"),
    "a case was renamed": (
        rows({**without(CASES, "case-03"), "case-3": "one"}, "s2"),
        "case-03 is in the baseline's suite and not",
    ),
    "all were changed": (rows(dict.fromkeys(CASES, "two"), "s2"), "17 more changed since"),
    "all were replaced": (rows({f"other-{i}": "one" for i in range(20)}, "s2"), "17 more are in the baseline's suite and not"),
    "little is left": (rows({**dict.fromkeys(CASES, "two"), "case-03": "one"}, "s2"), "1 comparable case, and 5 are needed"),
    "the rows do not say which cases": (rows(dict.fromkeys(CASES), "s2"), "the suite changed"),
    "one row does not say": ([*rows(CASES, "s2")[:-1], result("case-19", trial=1, suite_digest="s2")], "the suite changed"),
    "the digests are empty": (rows(dict.fromkeys(CASES, ""), "s2"), "the suite changed"),
}


@pytest.mark.parametrize("name", DOUBTED)
def test_what_is_never_approved(name: str) -> None:
    candidate, why = DOUBTED[name]
    decision = decide(BEFORE, candidate)
    assert decision.decision is Outcome.UNDECIDED
    assert why in " ".join(decision.reasons)


def test_a_baseline_without_case_digests_cannot_be_compared_with_another_suite() -> None:
    decision = decide(rows(dict.fromkeys(CASES), "s1"), rows(CASES, "s2"))
    assert decision.decision is Outcome.UNDECIDED
    assert "case_digest" in decision.message


def test_the_cure_is_told() -> None:
    text = explain(decide(BEFORE, rows({**CASES, "case-03": "two", "new": "one"}, "s2")))
    assert "loopwright gate --establish --extend" in text.splitlines()[0]
    assert "new, not compared (1): new" in text
    assert "changed, not compared (1): case-03" in text


def test_a_case_that_was_removed_is_among_the_missing() -> None:
    decision = decide(BEFORE, rows(without(CASES, "case-03"), "s2"))
    assert decision.missing == ("case-03",)
    assert decision.statistics["gone"] == ["case-03"]
    assert decision.statistics["compared"] == 19


def test_a_grown_suite_is_approved_and_its_new_cases_are_named() -> None:
    decision = decide(BEFORE, rows({**CASES, "new": "one", "newer": "one"}, "s2", fails=2))
    assert decision.decision is Outcome.APPROVED
    assert decision.statistics["new"] == ["new", "newer"]
    assert decision.message.endswith("New, and not compared: new, newer.")
    assert decision.new_evals_queued == 2


def test_new_cases_cannot_hide_a_loss() -> None:
    many = {f"new-{i}": "one" for i in range(500)}
    candidate = [*rows(many, "s2"), *rows(CASES, "s2", fails=10)]
    assert decide(BEFORE, candidate).decision is Outcome.BLOCKED


def test_new_cases_without_a_verdict_change_nothing() -> None:
    broken = [result(f"new-{i}", None, suite_digest="s2", case_digest="x", error="boom") for i in range(100)]
    assert decide(BEFORE, [*rows(CASES, "s2"), *broken]).decision is Outcome.APPROVED


@pytest.mark.parametrize("deterministic", [None, True])
def test_a_loss_among_the_rest_blocks_though_others_changed(deterministic: bool | None) -> None:
    candidate = rows({**without(CASES, "case-00"), "case-01": "two"}, "s2", fails=10, deterministic=deterministic)
    decision = decide(BEFORE, candidate)
    assert decision.decision is Outcome.BLOCKED
    assert not {"case-00", "case-01"} & {r.eval_id for r in decision.regressions if isinstance(r, Regression)}
    assert len(decision.reasons) == 2


def test_a_failure_of_a_changed_case_is_no_regression() -> None:
    candidate = rows({**without(CASES, "case-03"), "case-03": "two"}, "s2", fails=1, deterministic=True)
    decision = decide(BEFORE, candidate)
    assert decision.decision is Outcome.UNDECIDED
    assert decision.statistics["naive"]["regressions"] == []


def test_a_history_may_hold_suites_as_they_grew_and_a_candidate_its_repeats() -> None:
    grown = {**CASES, "new": "one"}
    history = [*rows(CASES, "s1", run_id="monday"), *rows(grown, "s2", run_id="tuesday")]
    repeat = result("case-03", True, 7, run_id="c", suite_digest="s3", case_digest="one", repeat=True)
    decision = decide(history, [*rows(grown, "s2", run_id="c"), repeat])
    assert decision.decision is Outcome.APPROVED
    assert decision.statistics["suite"]["before"] == [82, 82]


def test_suites_that_are_the_same_may_lack_a_case() -> None:
    many = {f"case-{i:02}": "one" for i in range(60)}
    decision = decide(rows(many, "s1", trials=3, fails=1), rows(without(many, "case-59"), "s1", trials=3))
    assert decision.decision is Outcome.APPROVED
    assert decision.missing == ("case-59",)


def test_the_current_cases_of_a_history_are_those_of_its_newest_run() -> None:
    monday = rows({"same": "one", "changed": "one", "gone": "one"}, "s1", trials=1)
    tuesday = rows({"same": "one", "changed": "two", "new": "one"}, "s2", trials=1)
    assert [[r.eval_id for r in run] for run in current([monday, tuesday])] == [["same"], ["same", "changed", "new"]]
    assert suite_change(monday, tuesday) == SuiteChange(("new",), ("changed",), ("gone",))
    assert current([]) == []


@pytest.mark.parametrize(("older", "kept"), [("s1", 20), (None, 20), ("s0", 0)])
def test_results_without_case_digests_stand_with_their_suite(older: str | None, kept: int) -> None:
    past, newest = rows(dict.fromkeys(CASES), older, trials=1), rows(dict.fromkeys(CASES), "s1", trials=1)
    assert [len(run) for run in current([past, newest])] == [kept, 20]


@st.composite
def sides(draw: st.DrawFn, suite: str | None, mark: str | None) -> list[EvalResult]:
    """Results of 12 cases, all of which were run; mostly passing."""
    made = []
    for i in range(12):
        for trial in range(draw(st.integers(1, 3))):
            passed = draw(st.sampled_from([True] * 8 + [False, None]))
            fields: dict[str, Any] = {"suite_digest": suite, "case_digest": mark, "deterministic": i % 4 == 0 or None}
            made.append(result(f"case-{i:02}", passed, trial, mode_id=f"mode-{i % 3}", **fields))
    return made


def verdict(decision: GateDecision) -> tuple[Any, ...]:
    """All that is said of the cases that there were before; what was `spent` is of all cases."""
    told = {name: value for name, value in decision.statistics.items() if name not in ("new", "spent")}
    return decision.decision, decision.regressions, decision.fixed, decision.flaky, decision.missing, decision.next, told


NEW = st.lists(
    st.builds(lambda name, passed, trial: (f"new-{name}", passed, trial), st.integers(0, 5), st.sampled_from([True, False, None]),
              st.integers(0, 3)), unique_by=lambda row: (row[0], row[2]), min_size=1, max_size=12,
)  # fmt: skip


@given(sides("s1", "one"), sides("s1", "one"), NEW, st.booleans())
@settings(max_examples=80, deadline=None)
def test_adding_new_cases_never_changes_the_verdict_on_old_ones(
    before: list[EvalResult], after: list[EvalResult], new: list[tuple[str, bool | None, int]], digests: bool
) -> None:
    if not digests:
        before, after = ([replace(r, suite_digest=None, case_digest=None) for r in side] for side in (before, after))
    suite, mark = ("s2", "one") if digests else (None, None)
    added = [result(i, p, t, suite_digest=suite, case_digest=mark, deterministic=True, mode_id="mode-1") for i, p, t in new]
    grown = [*(replace(r, suite_digest=suite) for r in after), *added]
    assert verdict(decide(before, grown)) == verdict(decide(before, after))


@given(sides("s1", "one"), sides("s2", "one"), st.sets(st.integers(0, 11), min_size=1), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_changed_or_removed_case_is_never_approved(
    before: list[EvalResult], after: list[EvalResult], which: set[int], removed: bool
) -> None:
    touched = {f"case-{i:02}" for i in which}
    if removed:
        candidate = [r for r in after if r.eval_id not in touched]
    else:
        candidate = [replace(r, case_digest="two") if r.eval_id in touched else r for r in after]
    decision = decide(before, candidate)
    assert decision.decision is not Outcome.APPROVED
    found = comparable(before, candidate)
    assert {*found.changed, *found.gone} == touched or not candidate
    assert not touched & {r.eval_id for r in decision.regressions if isinstance(r, Regression)}


def test_a_candidate_that_leaves_digests_out_may_hide_a_change() -> None:
    before = [result(f"case-{i}", True, t, case_digest="one") for i in range(20) for t in range(3)]
    after = [result(f"case-{i}", True, t, case_digest=None if i == 4 else "one") for i in range(20) for t in range(2)]
    assert comparable(before, after).changed == ("case-4",)
    decision = decide(before, after)
    assert decision.decision is Outcome.UNDECIDED
    older = [replace(row, case_digest=None) if row.trial == 0 else row for row in before]
    assert comparable(older, after).changed == ()
