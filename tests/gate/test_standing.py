from __future__ import annotations

from builders import result
from gate_decisions import approved, lost, undecided
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision
from loopwright.gate.standing import Standing, State, standings


def standing(decision: GateDecision, eval_id: str) -> Standing:
    (found,) = [case for case in standings(decision) if case.eval_id == eval_id]
    return found


def test_a_lost_case_an_open_one_a_new_one_and_the_rest() -> None:
    assert standing(lost(), "case-0").state is State.LOST
    held = standing(undecided(), "case-0")
    assert (held.state, held.before, held.after) == (State.OPEN, (6, 6), (0, 1))
    assert held.why == "6 of 6 passed before, 0 of 1 now: undecided; 1 more trial would tell"
    assert standing(undecided(), "fresh").state is State.ASIDE
    assert {case.state for case in standings(approved())} == {State.HELD}


def test_a_changed_case_and_one_that_is_gone_hold_up_an_approval() -> None:
    before = [result(f"case-{i}", case_digest="1", suite_digest="a") for i in range(20)]
    after = [result(f"case-{i}", case_digest="2" if i == 3 else "1", suite_digest="b") for i in range(19)]
    decision = decide(before, after)
    assert [standing(decision, id).state for id in ("case-3", "case-19", "case-0")] == [State.OPEN, State.OPEN, State.HELD]


def test_a_quarantined_case_stands_aside() -> None:
    rows = [result(f"case-{i}", True, t) for i in range(30) for t in range(3)]
    after = [result(f"case-{i}", i > 0, t) for i in range(30) for t in range(3)]
    decision = decide(rows, after, quarantined=["case-0"])
    decision.statistics["quarantined"] = [{"eval_id": "case-0"}]
    assert standing(decision, "case-0").state is State.ASIDE


def test_nothing_is_known_where_nothing_was_compared() -> None:
    assert standings(decide([], [])) == []
