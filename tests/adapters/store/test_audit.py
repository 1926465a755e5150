from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from builders import mode
from loopwright.adapters.store.store import SqlStore, open_store
from loopwright.audit.digest import canonical, plain
from loopwright.audit.entry import GENESIS
from loopwright.audit.trail import Head, breaks
from loopwright.errors import StoreError
from strategies import texts, times, values

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fill(store: SqlStore, count: int = 5) -> None:
    for number in range(count):
        at = NOW + timedelta(hours=number)
        store.append_audit(at, "Ann \\ Ben", "case approved", f"case-{number}", {"n": number, "why": ["\ud800", 1.5], "$": None})


def test_entries_are_chained_in_the_order_in_which_they_came(store: SqlStore) -> None:
    fill(store, 3)
    entries = store.audit()
    assert [e.subject for e in entries] == ["case-0", "case-1", "case-2"]
    assert [e.previous for e in entries] == [GENESIS, entries[0].hash, entries[1].hash]
    assert store.trail().head == Head(3, entries[2].hash)
    assert breaks(store.trail()) == ()


def test_an_entry_is_returned_as_it_will_be_read(store: SqlStore) -> None:
    entry = store.append_audit(NOW, "Ann", "did", "it", {"pair": (1, 2), "at": NOW, 3: {4}})
    assert store.audit() == [entry]
    assert entry.details == plain({"pair": [1, 2], "at": "2026-01-01T00:00:00+00:00", 3: [4]})


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times, texts, texts, texts, st.dictionaries(texts, values, max_size=3))
def test_any_entry_keeps_the_trail_whole(
    store: SqlStore, at: datetime, actor: str, action: str, subject: str, details: dict[str, Any]
) -> None:
    given_entry = store.append_audit(at, actor, action, subject, details)
    last = store.audit()[-1]
    assert (last.at, last.actor, last.action, last.subject) == (at, actor, action, subject)
    assert canonical(last.details) == canonical(plain(details))
    assert last.hash == given_entry.hash
    assert breaks(store.trail()) == ()


@pytest.fixture
def filled(sqlite_store: SqlStore) -> SqlStore:
    fill(sqlite_store)
    return sqlite_store


COLUMNS = ["number", "at", "actor", "action", "subject", "details", "previous", "hash"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_character_of_any_column_is_found(filled: SqlStore, data: st.DataObject) -> None:
    store = filled
    number, column = data.draw(st.integers(1, 5)), data.draw(st.sampled_from(COLUMNS[1:]))
    with store.database.read() as connection:
        text = connection.exec_driver_sql(f"SELECT {column} FROM audit WHERE number = {number}").scalar_one()
        index = data.draw(st.integers(0, len(text)))
        put = data.draw(st.sampled_from(["", " ", "0", "1", "a", "A", "\\", '"', "{}", "Z", "z", "e0", "é", "\n", "\x00"]))
        other = text[:index] + put + text[index + data.draw(st.integers(0, 1)) :]
        assume(other != text)
        connection.exec_driver_sql(f"UPDATE audit SET {column} = ? WHERE number = ?", (other, number))
        trail = store.__class__(_Within(connection)).trail()
        assert any(b.number in (number, number + 1) for b in breaks(trail))


class _Within:
    """A database whose reads happen within an open transaction that is undone later."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def read(self) -> Any:
        from contextlib import nullcontext

        return nullcontext(self._connection)


STATEMENTS = [
    "DELETE FROM audit WHERE number = {n}",
    "DELETE FROM audit WHERE number >= {n}",
    "DELETE FROM audit WHERE number <= {n}",
    "UPDATE audit SET number = 99 WHERE number = {n}",
    "UPDATE audit SET number = -1 WHERE number = {n}",
    "UPDATE audit SET details = x'00ff' WHERE number = {n}",
    "UPDATE audit SET number = 'x' WHERE number = {n}",
    "UPDATE audit SET details = 'null' WHERE number = {n}",
    "UPDATE audit_head SET count = 'x' WHERE {n} > 0",
    "UPDATE audit_head SET hash = x'80' WHERE {n} > 0",
    "UPDATE audit SET at = 5 WHERE number = {n}",
    "UPDATE audit SET hash = x'80' WHERE number = {n}",
    "UPDATE audit SET previous = x'80' WHERE number = {n}",
    "UPDATE audit SET actor = (SELECT subject FROM audit WHERE number = {n}) WHERE number = {n}",
    "UPDATE audit_head SET count = {n} - 1",
    "UPDATE audit_head SET count = {n} + 5",
    "UPDATE audit_head SET hash = (SELECT previous FROM audit WHERE number = {n})",
    "DELETE FROM audit_head",
]


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("number", [1, 3, 5])
def test_what_sql_can_do_to_the_trail_is_found(sqlite_store: SqlStore, statement: str, number: int) -> None:
    fill(sqlite_store)
    with sqlite_store.database.write() as connection:
        connection.exec_driver_sql(statement.format(n=number))
    assert breaks(sqlite_store.trail())


def test_reading_a_damaged_entry_names_the_command_that_tells_more(store: SqlStore) -> None:
    fill(store)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE audit SET details = '{' WHERE number = 2")
    with pytest.raises(StoreError, match="the audit trail is damaged; see what and where with: loopwright audit verify"):
        store.audit()


@pytest.mark.parametrize("damage", ["DELETE FROM audit_head", "UPDATE audit_head SET count = 1"])
def test_nothing_is_appended_to_a_trail_whose_head_is_wrong(store: SqlStore, damage: str) -> None:
    fill(store)
    with store.database.write() as connection:
        connection.exec_driver_sql(damage)
    with pytest.raises(StoreError, match="the audit trail is damaged"):
        fill(store, 1)


def test_a_decision_and_its_entry_are_written_together_or_not_at_all(store: SqlStore) -> None:
    store.put_modes([mode("a")], [])
    with store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit_head")
    with pytest.raises(StoreError, match="the audit trail is damaged"):
        store.set_mode_status("a", "accepted", by="Ann", at=NOW)
    assert store.modes() == [mode("a")]


def test_an_entry_that_cannot_be_written_is_not(store: SqlStore) -> None:
    with pytest.raises(TypeError, match="a value of type object has no content"):
        store.append_audit(NOW, "Ann", "did", "it", {"what": object()})
    assert store.audit() == []


def test_an_empty_trail_is_whole(tmp_path: Path) -> None:
    with open_store("sqlite:///s.db", tmp_path) as store:
        assert breaks(store.trail()) == ()
        assert store.trail().head == Head()


SWAP = """
UPDATE audit SET number = -1 WHERE number = {n};
UPDATE audit SET number = {n} WHERE number = {m};
UPDATE audit SET number = {m} WHERE number = -1
"""


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 4), (1, 5), (4, 5)])
def test_rows_put_in_another_order_are_found(store: SqlStore, n: int, m: int) -> None:
    fill(store)
    with store.database.write() as connection:
        for statement in SWAP.format(n=n, m=m).split(";"):
            connection.exec_driver_sql(statement)
    assert {b.number for b in breaks(store.trail())} >= {n, m}


@pytest.mark.parametrize("left", range(5))
def test_an_end_cut_off_is_found_even_with_a_head_that_fits(store: SqlStore, left: int) -> None:
    fill(store)
    noted = store.trail().head
    with store.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM audit WHERE number > {left}")
    assert [b.number for b in breaks(store.trail())] == [left + 1]
    last = store.trail().recorded[-1].hash if left else GENESIS
    with store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE audit_head SET count = {left}, hash = '{last}'")
    assert breaks(store.trail()) == ()  # whoever can write the whole store can write both
    assert breaks(store.trail(), noted) != ()  # and not what was noted elsewhere


def test_any_byte_changed_in_the_file_itself_is_found(tmp_path: Path) -> None:
    with open_store("sqlite:///s.db", tmp_path) as store:
        fill(store)
    file = tmp_path / "s.db"
    whole = file.read_bytes()
    start = whole.index(b"case approvedcase-2")
    places = range(start - 40, start + 150, 7)
    unnoticed = []
    for place in places:
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            with open_store("sqlite:///s.db", tmp_path) as store:
                if not breaks(store.trail()):
                    unnoticed.append(place)
        except StoreError:
            continue
    assert unnoticed == []
