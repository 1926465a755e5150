"""A quarantine sets one case's own word aside, and nothing else: a real drop behind it is found by its mode or the suite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from loopwright.errors import InputError, UsageError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome
from loopwright.gate.quarantine import Quarantine, in_force, lapsed, quarantine_record, read_quarantine, with_quarantine
from loopwright.gate.term import check_term

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(eval_id: str = "case-000", days: int = 7, *, lifted: bool = False) -> Quarantine:
    return Quarantine(eval_id, "Ben", "the clock decides it", NOW + days * DAY, "Ada", NOW, lifted)


def run(passes: list[bool], name: str, *, mode_size: int = 0, **fields: bool) -> list[EvalResult]:
    return [
        result(f"case-{i:03}", ok, run_id=name, mode_id=f"mode-{i // mode_size}" if mode_size else None, **fields)
        for i, ok in enumerate(passes)
    ]


def history(cases: int, runs: int = 10, **fields: bool) -> list[EvalResult]:
    return [row for r in range(runs) for row in run([True] * cases, f"run-{r}", **fields)]


def lost(cases: int, repeats: int = 5) -> list[EvalResult]:
    """Only the first case fails, again and again."""
    first = run([False, *[True] * (cases - 1)], "new")
    return first + [result("case-000", False, t + 1, run_id="new", repeat=True) for t in range(repeats)]


def test_a_lost_case_blocks_and_in_quarantine_it_does_not() -> None:
    before, after = history(60), lost(60)
    assert decide(before, after).decision is Outcome.BLOCKED
    decision = decide(before, after, quarantined={"case-000"})
    assert decision.decision is Outcome.APPROVED
    assert decision.next == ()


def test_an_open_case_is_held_and_in_quarantine_it_is_not() -> None:
    before, after = history(60), lost(60, repeats=0)
    assert decide(before, after).decision is Outcome.UNDECIDED
    assert decide(before, after, quarantined={"case-000"}).decision is Outcome.APPROVED


def test_one_failure_of_a_deterministic_case_is_proof_but_in_quarantine() -> None:
    before, after = history(60, deterministic=True), run([False, *[True] * 59], "new", deterministic=True)
    assert decide(before, after).decision is Outcome.BLOCKED
    assert decide(before, after, quarantined={"case-000"}).decision is Outcome.APPROVED
    without = [*after[1:], result("case-000", None, run_id="new", error="timed out", deterministic=True)]
    assert decide(before, without).decision is Outcome.UNDECIDED
    assert decide(before, without, quarantined={"case-000"}).decision is Outcome.APPROVED


def test_a_case_in_quarantine_must_still_be_run() -> None:
    before, after = history(30), run([True] * 30, "new")[1:]
    assert decide(before, after, quarantined={"case-000"}).decision is Outcome.UNDECIDED


def test_a_quarantine_of_another_case_changes_nothing() -> None:
    before, after = history(60), lost(60)
    assert decide(before, after, quarantined={"case-059"}) == decide(before, after)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=6, max_size=25), st.sets(st.integers(0, 24)))
def test_a_quarantine_never_turns_against_anything(cases: list[tuple[int, int]], chosen: set[int]) -> None:
    before = [result(f"case-{i:03}", t < x, t) for i, (x, _) in enumerate(cases) for t in range(4)]
    after = [result(f"case-{i:03}", t < x, t) for i, (_, x) in enumerate(cases) for t in range(2)]
    order = [Outcome.APPROVED, Outcome.UNDECIDED, Outcome.BLOCKED]
    plain = decide(before, after)
    eased = decide(before, after, quarantined={f"case-{i:03}" for i in chosen})
    assert plain.decision is not None
    assert eased.decision is not None
    assert order.index(eased.decision) <= order.index(plain.decision)


@pytest.mark.parametrize(("cases", "mode_size", "hidden"), [(60, 10, 10), (200, 10, 10), (60, 0, 15)])
def test_a_real_drop_behind_quarantines_is_caught_by_its_mode_or_the_suite(cases: int, mode_size: int, hidden: int) -> None:
    """All that dropped by 60 points is in quarantine, so that no case says anything for itself."""
    rng = np.random.default_rng(5)
    rounds, caught, false = 40, 0, 0
    excused = {f"case-{i:03}" for i in range(hidden)}
    for _ in range(rounds):
        rates = np.full(cases, 0.95)
        before = [row for r in range(5) for row in run((rng.random(cases) < rates).tolist(), f"run-{r}", mode_size=mode_size)]
        for lowered, found in ((0.35, True), (0.95, False)):
            rates[:hidden] = lowered
            after = [
                result(f"case-{i:03}", bool(rng.random() < rates[i]), t, run_id="new",
                       mode_id=f"mode-{i // mode_size}" if mode_size else None)
                for i in range(cases) for t in range(3)
            ]  # fmt: skip
            decision = decide(before, after, quarantined=excused)
            blocked = decision.decision is Outcome.BLOCKED
            assert not any(getattr(r, "eval_id", None) in excused for r in decision.regressions)
            caught, false = caught + (blocked and found), false + (blocked and not found)
    assert caught / rounds >= 0.95
    assert false / rounds <= 0.05 + 2 * (0.05 * 0.95 / rounds) ** 0.5


def test_of_several_entries_the_last_counts_and_all_lapse_by_themselves() -> None:
    entries = [entry(days=3), entry(days=7), entry("case-001", 1)]
    assert in_force(entries, NOW + 2 * DAY).keys() == {"case-000"}
    assert in_force(entries, NOW + 7 * DAY) == {}
    assert lapsed(entries, NOW + 7 * DAY).keys() == {"case-000", "case-001"}
    settled = [*entries, entry(lifted=True), entry("case-001", lifted=True)]
    assert (in_force(settled, NOW), lapsed(settled, NOW + 9 * DAY)) == ({}, {})


def test_a_decision_tells_what_is_in_quarantine_and_what_lapsed() -> None:
    before, after = history(60), lost(60)
    entries = [entry(), entry("case-001", -1), entry("unheard-of")]
    told = with_quarantine(decide(before, after, quarantined=in_force(entries, NOW)), before, after, entries, NOW)
    assert [(row["eval_id"], row["before"], row["after"]) for row in told.statistics["quarantined"]] == [
        ("case-000", [10, 10], [0, 6])
    ]
    assert "case-000 (until 2026-03-09, owner Ben)" in told.notes[0]
    assert "case-001 (owner Ben) ended on 2026-03-01" in told.notes[1]


def test_an_entry_reads_as_it_was_written() -> None:
    for one in (entry(), entry(lifted=True)):
        assert read_quarantine(quarantine_record(one)) == one


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"owner": " "}, "owner is"),
        ({"why": None}, "why is"),
        ({"until": "soon"}, "until is"),
        ({"lifted": "no"}, "lifted is"),
        ({"at": "never"}, "at is"),
    ],
)
def test_an_entry_that_is_none_is_refused_by_line(change: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=rf"q.jsonl:3: {problem}"):
        read_quarantine({**quarantine_record(entry()), **change}, "q.jsonl", 3)


def test_an_exception_ends_and_that_within_a_quarter() -> None:
    check_term(NOW + 90 * DAY, NOW, "a quarantine")
    for until, problem in ((NOW, "over already"), (NOW + 91 * DAY, "give 2026-05-31")):
        with pytest.raises(UsageError, match=problem):
            check_term(until, NOW, "a quarantine")
