"""The words of an explanation, computed again by other means."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from builders import result
from gate_decisions import approved, blocked, lost, undecided
from loopwright.errors import UsageError
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision
from loopwright.gate.quarantine import Quarantine, with_quarantine
from loopwright.gate.why import why


def number(text: str, before: str) -> float:
    """The number that follows `before`."""
    found = re.search(re.escape(before) + r"\s*([-+0-9.e]+[0-9])", text)
    assert found, f"{before!r} is not in: {text}"
    return float(found[1])


def close(value: float) -> object:
    """Equal as far as four digits tell."""
    return pytest.approx(value, rel=1e-3)


def noisy(lost_now: int = 1, history: int = 6, now: int = 1) -> GateDecision:
    """Thirty cases that pass; some fail now."""
    before = [result(f"case-{i}", True, run_id=f"r{r}") for i in range(30) for r in range(history)]
    return decide(before, [result(f"case-{i}", i >= lost_now, t) for i in range(30) for t in range(now)])


def test_the_suite_is_computed_from_the_table() -> None:
    text = why(blocked([]), "suite")
    cases, before, now, passes = map(int, re.search(r"\n +(\d+) +(\d+) +(\d+) +(\d+)  0: 1/20, 1: 9/20", text).groups())
    chance = stats.hypergeom(before + now, passes, now)
    assert (cases, before, now, passes) == (12, 3, 3, 3)
    assert number(text, "exact p") == close(chance.pmf(0) ** cases)
    assert number(text, "mid-p") == close(chance.pmf(0) ** cases / 2)
    assert "(1/20)^12" in text
    assert number(text, "now, is 0;") == close(cases * chance.mean())
    assert number(text, "standard deviation") == pytest.approx(cases**0.5 * chance.std(), abs=0.005)
    assert "the exact p is at most 0.03 and the mid-p at most 0.025: both are, and it blocks" in text


def test_what_would_not_have_blocked_is_the_edge() -> None:
    names = [f"case-{i}" for i in range(40)]
    before = [result(n) for n in names]

    def after(fall: int) -> GateDecision:
        return decide(before, [result(n, i >= fall) for i, n in enumerate(names)])

    text = why(after(9), "suite")
    assert number(text, "exact p") == close(0.5**9)
    more = int(re.search(r"with (\d+) more pass", text)[1])
    p_after = stats.binom(9, 0.5).cdf(more), stats.binom(9, 0.5).cdf(more) - stats.binom(9, 0.5).pmf(more) / 2
    assert not (p_after[0] <= 0.03 and p_after[1] <= 0.025)
    least = more - 1
    assert stats.binom(9, 0.5).cdf(least) <= 0.03
    assert stats.binom(9, 0.5).cdf(least) - stats.binom(9, 0.5).pmf(least) / 2 <= 0.025


def test_one_kind_of_case_with_some_passes_is_binomial() -> None:
    names = [f"case-{i}" for i in range(30)]
    before = [result(n, i >= 4) for i, n in enumerate(names)]
    text = why(decide(before, [result(n, i < 4 or i >= 14) for i, n in enumerate(names)]), "suite")
    assert "T is binomial: 14 draws of chance 1/2" in text
    assert "for j = 0..4." in text
    assert number(text, "exact p") == close(stats.binom(14, 0.5).cdf(4))


def test_a_case_is_computed_from_its_history() -> None:
    decision = noisy()
    text = why(decision, "case-0")
    a, b = number(text, "a ="), number(text, "b =")
    assert number(text, "A = a + 6 =") == close(a + 6)
    assert number(text, "B = b + 0 =") == close(b)
    assert number(text, "/(6.36155 + 0) =") == close(stats.betabinom(1, a + 6, b).cdf(0))
    assert "0.0025 / 30 solved cases = 8.333e-05" in text
    ratio = (0.6 * stats.betabinom(1, 0.3, 6).pmf(0) + 0.4 * 0.5) / stats.betabinom(1, a + 6, b).pmf(0)
    assert number(text, "their ratio,") == close(ratio)
    assert "30 solved cases / 0.005 = 6000" in text
    assert number(text, "C(7,6) = 1/7 =") == close(stats.hypergeom(7, 6, 1).cdf(0))
    more = int(re.search(r"(\d+) more failing trials? would prove", text)[1])
    assert [_ratio(a + 6, b, 1 + extra) >= 6000 for extra in (more - 1, more)] == [False, True]


def _ratio(a: float, b: float, failures: int) -> float:
    lost_chance = 0.6 * stats.betabinom(failures, 0.3, 6).pmf(0) + 0.4 * stats.betabinom(failures, 1, 1).pmf(0)
    return lost_chance / stats.betabinom(failures, a, b).pmf(0)


def test_a_case_that_passed_some_now_has_the_sum() -> None:
    before = [result(f"case-{i}", True, run_id=f"r{r}") for i in range(30) for r in range(6)]
    after = [result(f"case-{i}", i > 0 or t == 0, t) for i in range(30) for t in range(4)]
    text = why(decide(before, after), "case-0")
    a, b = number(text, "A = a + 6 ="), number(text, "B = b + 0 =")
    assert number(text, "for k = 0..1 =") == close(stats.betabinom(4, a, b).cdf(1))
    assert number(text, "[C(4,1) C(6,6)] / C(10,7) = 4/120 =") == close(stats.hypergeom(10, 7, 4).cdf(1))


def test_a_mode_is_held_against_holms_level() -> None:
    names = [(f"{mode}-{i}", mode) for mode in ("m1", "m2") for i in range(10)]
    before = [result(n, True, t, mode_id=m) for n, m in names for t in range(3)]
    after = [result(n, m == "m2", t, mode_id=m) for n, m in names for t in range(3)]
    decision = decide(before, after)
    text = why(decision, "m1")
    own = 0.05**10
    assert number(text, "exact p") == close(own)
    assert number(text, "no less than theirs, is") == close(2 * own)
    (row,) = [mode for mode in decision.statistics["modes"]["tested"] if mode["mode_id"] == "m1"]
    assert row["adjusted"] == close(2 * own)
    assert "above" in why(decision, "m2")


def test_the_evidence_on_all_trials_of_a_mode_averages_products_of_factors() -> None:
    names = [(f"{mode}-{i}", mode) for mode in ("m1", "m2") for i in range(10)]
    before = [result(n, True, mode_id=m, run_id=f"r{r}") for n, m in names for r in range(5)]
    now = [result(n, m == "m2" or int(n[3:]) > 2, mode_id=m) for n, m in names]
    decision = decide(before, now)
    text = why(decision, "m1")
    pass_rates = decision.statistics["cases"]["pass_rates"]
    belief = stats.beta(pass_rates["a"] + 5, pass_rates["b"])
    rates = belief.ppf((np.arange(40) + 0.5) / 40)
    products = []
    for hit in (0.5, 1.0):
        for step in (0.15, 0.3, 0.5, 0.7):
            lower = np.clip(rates - step, 0, 1)
            failed = (1 - hit) + hit * (1 - lower).mean() / (1 - belief.mean())
            passed = (1 - hit) + hit * lower.mean() / belief.mean()
            products.append(failed**3 * passed**7)
    assert number(text, "the evidence is") == close(float(np.mean(products)))
    assert number(text, "2 modes / 0.005 =") == 400
    assert "50 of 50 passed before, 7 of 10 now" in text


def test_evidence_beyond_all_numbers_is_a_power_of_e() -> None:
    before = [result(f"case-{i}", True, t, mode_id="m") for i in range(300) for t in range(6)]
    after = [result(f"case-{i}", False, t, mode_id="m") for i in range(300) for t in range(6)]
    assert re.search(r"the evidence is e\^\d{4}", why(decide(before, after), "m"))


def test_without_a_name_what_decided_is_told() -> None:
    assert why(lost()).startswith("BLOCKED  a deterministic case that passed fails")
    assert "one failure is proof" in why(lost())
    told = why(undecided())
    assert told.index("What stands against an approval") < told.index("Case case-0") < told.index("The suite: 30 cases")
    assert "  - run what would decide: case-0 (1 trial)" in told
    assert "nothing could have come out otherwise" in why(approved())
    assert "What to do next" not in why(approved())


def test_where_nothing_was_compared_the_reasons_are_told() -> None:
    decision = decide([], [])
    assert "  - there are no baseline results" in why(decision)
    with pytest.raises(UsageError, match="compared no cases"):
        why(decision, "case-0")


def test_a_decision_that_kept_no_counts_says_so() -> None:
    kept = {name: value for name, value in lost().statistics.items() if name != "counts"}
    assert "recorded without its counts" in why(replace(lost(), statistics=kept), "case-0")


def test_an_unknown_name_names_the_nearest() -> None:
    assert "it is new" in why(undecided(), "fresh")
    with pytest.raises(UsageError, match="is 'case-12' meant"):
        why(undecided(), "case-12x")


def test_a_case_that_is_not_solved_or_in_quarantine_says_so() -> None:
    before = [result(f"case-{i}", i > 9 or r > 2, run_id=f"r{r}") for i in range(30) for r in range(6)]
    after = [result(f"case-{i}", i > 0) for i in range(30)]
    text = why(decide(before, after), "case-0")
    assert "does not count as solved: it passed 50.0 % before (80 % is asked for)" in text
    until = datetime(2026, 12, 31, tzinfo=UTC)
    entry = Quarantine("case-0", "Ben", "flips", until, "Ada", until)
    now = datetime(2026, 12, 1, tzinfo=UTC)
    held = with_quarantine(decide(before, after, quarantined=["case-0"]), before, after, [entry], now)
    assert "It is in quarantine" in why(held, "case-0")


def test_production_text_is_one_printable_line() -> None:
    text = why(lost("\x1b[31mbad\nid"))
    assert "\x1b" not in text
    assert "Case \\x1b[31mbad\\nid" in text
    assert "override decision-1 --why" in why(replace(lost(), decision_id="decision-1"))
