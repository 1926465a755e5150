from __future__ import annotations

import pytest

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import CaseRequest, Outcome
from loopwright.gate.policy import Policy
from loopwright.gate.tally import tally
from loopwright.gate.unseen import of_unseen, unseen, unseen_requests

HISTORY = [result(f"case-{i:03}", True, run_id=f"run-{run}") for run in range(5) for i in range(100)]


def candidate(trials: int = 1, **of_the_first: object) -> list[EvalResult]:
    rows = [result(f"case-{i:03}", True, trial) for i in range(1, 100) for trial in range(trials)]
    return rows + [result("case-000", trial=trial, **of_the_first) for trial in range(trials) if of_the_first]


def test_a_solved_case_that_is_missing_is_held_as_one_that_failed_is() -> None:
    failed, missing = decide(HISTORY, candidate(passed=False)), decide(HISTORY, candidate())
    assert failed.decision is missing.decision is Outcome.UNDECIDED
    assert missing.message == "Undecided: case-000 was solved, and not every trial is there; run what is missing."
    assert missing.next == (CaseRequest("case-000", 1, repeat=False),)
    assert decide(HISTORY, candidate(passed=True)).decision is Outcome.APPROVED


def test_repeats_alone_stand_in_for_no_planned_trial() -> None:
    rows = [*candidate(), *(result("case-000", True, trial, repeat=True) for trial in range(2))]
    assert tally(HISTORY, rows).cases[0].absent == 1
    many = [result(row.eval_id, True, row.trial, repeat=row.eval_id < "case-030") for row in candidate(passed=True)]
    assert decide(HISTORY, many).decision is not Outcome.APPROVED


def test_planned_trials_that_were_left_out_are_no_passes_of_their_case() -> None:
    rows = [row for row in candidate(3, passed=True) if row.eval_id != "case-000" or row.trial == 0]
    assert unseen(tally(HISTORY, rows).cases, Policy())
    assert decide(HISTORY, rows).decision is not Outcome.APPROVED


def test_a_noisy_case_may_be_missing_where_it_may_fail() -> None:
    before = [result(f"case-{i:03}", i % 2 == 0) for i in range(100)]
    assert not unseen(tally(before, [row for row in before if row.eval_id != "case-000"]).cases, Policy())


@pytest.mark.parametrize(("names", "told"), [("a", "a was solved"), ("ab", "a, b were solved")])
def test_what_is_said_and_asked_for(names: str, told: str) -> None:
    cases = tally([result(name) for name in names], []).cases
    assert of_unseen(cases)[0].startswith(f"{told}, and not every trial is there")
    assert unseen_requests(cases, [CaseRequest("a", 2, repeat=True)]) == [CaseRequest(n, 1, repeat=False) for n in names[1:]]
    assert of_unseen([]) == []
