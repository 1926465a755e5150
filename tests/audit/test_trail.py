from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loopwright.audit.digest import canonical
from loopwright.audit.entry import GENESIS, AuditEntry
from loopwright.audit.trail import Head, Recorded, Trail, breaks, parse_head
from loopwright.errors import UsageError
from strategies import plain_values, texts

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def recorded(count: int) -> Trail:
    rows: list[Recorded] = []
    previous = GENESIS
    for number in range(1, count + 1):
        at = NOON + timedelta(minutes=number)
        entry = AuditEntry(at, "Ann", "case approved", f"case-{number}", {"before": "draft", "n": number}, previous)
        previous = entry.hash
        rows.append(Recorded(number, entry.hash, entry))
    return Trail(tuple(rows), Head(count, previous))


def problems(trail: Trail, noted: Head | None = None) -> list[tuple[int, str]]:
    return [(b.number, b.problem) for b in breaks(trail, noted)]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_trail_as_it_was_written_is_whole(count: int) -> None:
    trail = recorded(count)
    assert breaks(trail) == ()
    assert breaks(trail, trail.head) == ()
    assert breaks(trail, Head()) == ()
    if count > 2:
        assert breaks(trail, Head(2, trail.recorded[1].hash)) == ()


def without(trail: Trail, *numbers: int) -> Trail:
    return replace(trail, recorded=tuple(r for r in trail.recorded if r.number not in numbers))


def changed(trail: Trail, number: int, **entry_fields: Any) -> Trail:
    rows = [
        r if r.number != number or r.entry is None else replace(r, entry=replace(r.entry, **entry_fields)) for r in trail.recorded
    ]
    return replace(trail, recorded=tuple(rows))


def rewritten(trail: Trail, number: int, **entry_fields: Any) -> Trail:
    """As `changed`, with the hash recorded anew: what someone does who knows how the trail works."""
    rows = changed(trail, number, **entry_fields).recorded
    return replace(trail, recorded=tuple(replace(r, hash=r.entry.hash) if r.number == number and r.entry else r for r in rows))


@pytest.mark.parametrize(
    ("damage", "first"),
    [
        (lambda t: changed(t, 3, actor="Eve"), (3, "its content does not have the hash recorded with it")),
        (lambda t: changed(t, 5, details={}), (5, "its content does not have the hash recorded with it")),
        (lambda t: rewritten(t, 3, actor="Eve"), (4, "does not follow the entry before it")),
        (lambda t: rewritten(t, 5, actor="Eve"), (5, "the recorded head has another hash")),
        (lambda t: without(t, 3), (4, "entry 3 is missing before it")),
        (lambda t: without(t, 1, 2), (3, "entries 1 to 2 are missing before it")),
        (lambda t: without(t, 5), (5, "the end is cut off: 5 entries recorded, 4 left")),
        (lambda t: without(t, 1, 2, 3, 4, 5), (1, "the end is cut off: 5 entries recorded, 0 left")),
        (lambda t: replace(t, head=None), (6, "the recorded head is gone")),
        (lambda t: replace(t, head=Head(4, t.recorded[3].hash)), (5, "was added without being recorded")),
        (lambda t: replace(t, head=Head(5, GENESIS)), (5, "the recorded head has another hash")),
        (lambda t: replace(t, recorded=(*t.recorded, t.recorded[2])), (3, "comes after entry 5")),
    ],
)  # fmt: skip
def test_what_is_broken_is_named_with_its_place(damage: Callable[[Trail], Trail], first: tuple[int, str]) -> None:
    number, problem = problems(damage(recorded(5)))[0]
    assert number == first[0]
    assert first[1] in problem


def test_an_entry_that_cannot_be_read_is_named_and_the_rest_is_still_checked() -> None:
    trail = recorded(5)
    rows = [replace(r, entry=None, problem="no JSON") if r.number == 2 else r for r in trail.recorded]
    found = problems(changed(replace(trail, recorded=tuple(rows)), 4, actor="Eve"))
    assert [number for number, _ in found] == [2, 4]
    assert "no JSON" in found[0][1]


def test_two_entries_that_changed_places_are_found() -> None:
    rows = list(recorded(5).recorded)
    rows[1], rows[2] = replace(rows[2], number=2), replace(rows[1], number=3)
    assert problems(replace(recorded(5), recorded=tuple(rows)))[0][0] == 2


def test_a_trail_rewritten_whole_is_found_by_a_head_noted_elsewhere() -> None:
    noted = recorded(5).head
    rows: list[Recorded] = []
    previous = GENESIS
    for old in recorded(5).recorded:
        entry = replace(old.entry, actor="Eve", previous=previous) if old.entry else None
        assert entry is not None
        previous = entry.hash
        rows.append(Recorded(old.number, entry.hash, entry))
    forged = Trail(tuple(rows), Head(5, previous))
    assert breaks(forged) == ()
    assert problems(forged, noted) == [(5, "is not the entry that was noted elsewhere: the trail was rewritten at or before it")]
    short = Trail(forged.recorded[:3], Head(3, forged.recorded[2].hash))
    assert problems(short, noted) == [(5, "is missing: a head that counts 5 entries was noted elsewhere")]


others = {
    "at": st.datetimes(timezones=st.just(UTC)),
    "actor": texts,
    "action": texts,
    "subject": texts,
    "details": st.dictionaries(texts, plain_values, max_size=3),
    "previous": st.text("0123456789abcdef", min_size=64, max_size=64),
}


@given(st.data())
def test_any_change_of_any_field_is_found(data: st.DataObject) -> None:
    trail = recorded(4)
    number = data.draw(st.integers(1, 4))
    field = data.draw(st.sampled_from([f.name for f in fields(AuditEntry)]))
    entry = trail.recorded[number - 1].entry
    value = data.draw(others[field])
    assume(canonical(getattr(entry, field)) != canonical(value))
    assert breaks(changed(trail, number, **{field: value}))
    assert breaks(rewritten(trail, number, **{field: value}))


@given(st.data())
def test_any_other_set_or_order_of_entries_is_found(data: st.DataObject) -> None:
    trail = recorded(4)
    rows = data.draw(st.lists(st.sampled_from(trail.recorded), max_size=6))
    assume(tuple(rows) != trail.recorded)
    assert breaks(replace(trail, recorded=tuple(rows)))
    renumbered = tuple(replace(row, number=number) for number, row in enumerate(rows, start=1))
    assume(renumbered != trail.recorded)
    assert breaks(replace(trail, recorded=renumbered))


@given(st.integers(0, 9), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_any_other_head_is_found(count: int, hash: str) -> None:
    trail = recorded(4)
    assume(Head(count, hash) != trail.head)
    assert breaks(replace(trail, head=Head(count, hash)))


def test_a_head_is_read_as_it_was_printed() -> None:
    head = recorded(3).head
    assert head is not None
    assert parse_head(f" {head}\n") == head
    for text in ("", "3", f"3:{'g' * 64}", f"-1:{'0' * 64}", f"3:{'0' * 63}", f"³:{'0' * 64}", f"3:{'0' * 64}\n:"):
        with pytest.raises(UsageError, match="give COUNT:HASH"):
            parse_head(text)
