from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopwright.judge.sampling import sampled, to_label

IDS = [f"trace-{i}" for i in range(4000)]


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_holds_the_smaller(item_id: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert sampled(item_id, large) or not sampled(item_id, small)
    assert not sampled(item_id, 0.0)
    assert sampled(item_id, 1.0)


def test_the_share_is_met() -> None:
    assert abs(sum(sampled(i, 0.2) for i in IDS) / len(IDS) - 0.2) < 0.02


def test_what_is_labelled_first_is_a_fair_sample_of_what_was_judged() -> None:
    judged = [i for i in IDS if sampled(i, 0.5)]
    first = to_label(judged)[:400]
    assert to_label(judged[::-1])[:400] == first
    assert sorted(to_label(judged)) == sorted(judged)
    assert abs(sum(sampled(i, 0.25) for i in first) / 400 - 0.5) < 0.08
