from __future__ import annotations

from builders import result
from loopwright.gate.decide import decide
from loopwright.gate.explain import explain


def test_a_block_is_told_verdict_first_with_counts_and_chances() -> None:
    before = [result(f"case-{i}", True, t) for i in range(40) for t in range(2)]
    after = [result(f"case-{i}", i > 15, t) for i in range(40) for t in range(2)]
    text = explain(decide(before, after))
    assert text.splitlines()[0].startswith("BLOCKED  the suite's pass rate fell; 100 % of trials passed before and 60.0 % now.")
    assert "suite  all cases  80 of 80  48 of 80" in text
    assert "  case-0   2 of 2  0 of 2" in text
    assert "and 4 more" in text
    assert "This run would have found a drop of" in text
    assert "The naive rule (passed before, fails now) would block with 16 regressions." in text


def test_what_would_decide_is_told() -> None:
    before = [result(f"case-{i}", True, run_id=f"r{r}") for i in range(30) for r in range(6)]
    text = explain(decide(before, [result(f"case-{i}", i > 0) for i in range(30)]))
    assert text.startswith("UNDECIDED  case-0 was solved and failed now")
    assert "What would decide: 1 more trial" in text


def test_all_reasons_are_told() -> None:
    rows = [result(f"case-{i}", suite_digest="a") for i in range(20)]
    text = explain(decide(rows, [result("case-1", version=v, suite_digest="b", trial=t) for t, v in enumerate("xy")]))
    assert text.splitlines()[0].startswith("UNDECIDED  the candidate mixes versions")
    assert "  - the suite changed" in text


def test_a_terminal_finds_nothing_to_act_on() -> None:
    rows = [result(f"\x1b[31mcase\n{i}", deterministic=True) for i in range(20)]
    lost = [result(f"\x1b[31mcase\n{i}", i > 0) for i in range(20)]
    for text in (explain(decide(rows, lost)), explain(decide(rows, rows[:4]))):
        assert "\x1b" not in text
        assert "\\x1b[31mcase\\n0" in text or "16 of the baseline" in text
