from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.store.columns import escape, moment_text, unescape
from strategies import texts


@given(texts | st.text(st.sampled_from("\\u0\x00\ud800d"), max_size=8))
def test_any_text_becomes_sound_and_comes_back(text: str) -> None:
    escaped = escape(text)
    assert "\x00" not in escaped
    escaped.encode()
    assert unescape(escaped) == text


def test_ordinary_text_stays_as_it_is() -> None:
    assert escape("task-7 £ 漢字 🚀") == "task-7 £ 漢字 🚀"


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_the_order_of_the_texts_is_the_order_of_time(one: datetime, other: datetime) -> None:
    assert (moment_text(one) < moment_text(other)) == (one < other)
    assert datetime.fromisoformat(moment_text(one)) == one


def test_times_are_kept_in_utc() -> None:
    at = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert moment_text(at) == "2025-12-31T23:30:00.000000Z"
    assert moment_text(datetime(2026, 1, 1)) == "2026-01-01T00:00:00.000000Z"  # noqa: DTZ001


def test_the_first_hour_there_is_has_a_text_too() -> None:
    assert moment_text(datetime.min.replace(tzinfo=timezone(timedelta(hours=2)))).startswith("0001-01-01")
