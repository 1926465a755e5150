from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.collect.completing import Pieces, arrived, session_is_over, settled, state

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def after(seconds: float) -> datetime:
    return NOON + seconds * SECOND


WHOLE = arrived(Pieces(), ["root", "a"], ["root"], True, NOON)
ROOTLESS = arrived(Pieces(), ["a"], ["root"], False, NOON)
UNFINISHED = arrived(Pieces(), ["root", "a"], ["root"], False, NOON)
MISSING = arrived(Pieces(), ["root"], ["middle"], True, NOON)


@pytest.mark.parametrize(
    ("pieces", "seconds", "expected"),
    [
        (Pieces(), 0, "settled"),
        (WHOLE, 0, "due"),
        (ROOTLESS, 0, "open"),
        (ROOTLESS, 179.9, "open"),
        (ROOTLESS, 180, "due"),
        (UNFINISHED, 0, "open"),
        (UNFINISHED, 180, "due"),
        (MISSING, 1, "open"),
        (MISSING, 181, "due"),
        (settled(WHOLE), 1e6, "settled"),
        (arrived(MISSING, ["middle"], ["root"], False, after(5)), 5, "due"),
        (arrived(ROOTLESS, ["b"], ["root"], False, after(100)), 200, "open"),
        (arrived(settled(WHOLE), ["late"], ["gone"], False, after(500)), 500, "open"),
        (arrived(settled(WHOLE), ["late"], ["root"], False, after(500)), 500, "due"),
        (arrived(settled(WHOLE), ["a"], ["root"], False, after(500), news=False), 500, "settled"),
    ],
)
def test_where_a_trace_stands(pieces, seconds, expected):
    assert state(pieces, after(seconds)) == expected


def test_the_quiet_period_is_a_setting():
    assert state(ROOTLESS, after(5), 5 * SECOND) == "due"


def test_a_session_is_over_after_its_own_quiet_period():
    assert not session_is_over(NOON, after(1799))
    assert session_is_over(NOON, after(1800))
    assert session_is_over(None, NOON)


PARTS = st.lists(
    st.tuples(
        st.sets(st.sampled_from("abcde"), min_size=1), st.sets(st.sampled_from("abcdexyz")), st.booleans(), st.integers(0, 900)
    ),
    max_size=6,
)


@given(PARTS, st.randoms(use_true_random=False))
def test_the_order_in_which_parts_come_changes_nothing(parts, random):
    def put(parts):
        pieces = Pieces()
        for spans, parents, ended, seconds in parts:
            pieces = arrived(pieces, spans, parents, ended, after(seconds))
        return pieces

    mixed = random.sample(parts, len(parts))
    assert put(mixed) == put(parts) == put([*parts, *mixed])
