from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import case
from loopwright.evaluate.case import CaseStatus, Suite
from loopwright.evaluate.sealed import is_sealed, open_part, sealed_ids, sealed_part


def suite(count: int) -> Suite:
    return Suite(tuple(case(f"case-{n}") for n in range(count)))


def test_the_two_parts_are_the_suite() -> None:
    whole = suite(200)
    opened, sealed = open_part(whole), sealed_part(whole)
    assert sorted(c.id for c in (*opened.cases, *sealed.cases)) == sorted(c.id for c in whole.cases)
    assert sealed_ids(whole) == {c.id for c in sealed.cases}


def test_the_share_is_about_what_was_asked_for() -> None:
    # Binomial with n = 5000 and p = .2: six standard deviations are 170.
    assert abs(len(sealed_ids(suite(5000), 0.2)) - 1000) < 170


@settings(max_examples=50, derandomize=True)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0, 1), st.floats(0, 1))
def test_a_case_keeps_its_place_when_the_suite_or_the_share_grows(few: int, more: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert sealed_ids(suite(few), low) == {c.id for c in suite(few).cases} & sealed_ids(suite(few + more), low)
    assert sealed_ids(suite(few), low) <= sealed_ids(suite(few), high)


def test_no_share_seals_nothing_and_the_whole_share_everything_approved() -> None:
    assert not sealed_ids(suite(100), 0)
    assert len(sealed_ids(suite(100), 1)) == 100
    assert not is_sealed(case("case-1", status=CaseStatus.DRAFT), 1)
