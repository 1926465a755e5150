from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.importers.seen import SeenIds


@given(st.lists(st.text(max_size=3)))
def test_it_answers_with_the_place_of_the_first(ids):
    seen, first = SeenIds(), {}
    for place, id in enumerate(ids):
        assert seen.add(id, place) == first.get(id)
        first.setdefault(id, place)
    assert len(seen) == len(first)


def test_it_grows():
    seen = SeenIds()
    assert all(seen.add(f"trace-{n}", n) is None for n in range(5000))
    assert all(seen.add(f"trace-{n}", 9) == n for n in range(5000))
