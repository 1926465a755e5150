from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from loopwright.audit.entry import GENESIS, AuditEntry

ENTRY = AuditEntry(datetime(2026, 1, 1, tzinfo=UTC), "Ann", "baseline set", "baseline", {"run_ids": ["r1"]})


def test_an_entry_has_the_hash_of_all_its_fields() -> None:
    assert len(ENTRY.hash) == 64
    others = [
        replace(ENTRY, at=ENTRY.at + timedelta(microseconds=1)),
        replace(ENTRY, actor="Ben"),
        replace(ENTRY, action="baseline removed"),
        replace(ENTRY, subject="run"),
        replace(ENTRY, details={}),
        replace(ENTRY, previous="f" * 64),
    ]
    assert len({ENTRY.hash, *(o.hash for o in others)}) == 7


def test_the_first_entry_follows_nothing() -> None:
    assert ENTRY.previous == GENESIS == "0" * 64


def test_the_same_moment_in_another_zone_is_the_same_entry() -> None:
    assert replace(ENTRY, at=ENTRY.at.astimezone(timezone(timedelta(hours=-7)))).hash == ENTRY.hash
