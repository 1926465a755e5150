from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from builders import assistant, trace, user
from loopwright.collect.business import BusinessEvent
from loopwright.mine.business import divergences, diverging, segments_of
from loopwright.mine.rank import mine
from loopwright.mine.signal import FailureSignal

START = datetime(2026, 1, 1, tzinfo=UTC)


def events(rates: dict[str, list[float]], metric: str = "rebooked", seed: int = 0, daily: int = 40) -> list[BusinessEvent]:
    """Outcomes a day of sessions on each channel; a session is named for its channel, day and number."""
    draw = np.random.default_rng(seed)
    return [
        BusinessEvent(
            f"{channel}-{day}-{number}", START + timedelta(days=day, minutes=20 * number), metric, float(draw.random() < rate)
        )
        for channel, days in rates.items()
        for day, rate in enumerate(days)
        for number in range(daily)
    ]


def channels(some: list[BusinessEvent]) -> dict[str, dict[str, str]]:
    return {event.session_id: {"channel": event.session_id.split("-")[0]} for event in some}


def test_a_drop_is_dated_and_the_bad_sessions_since_are_signalled() -> None:
    some = events({"web": [0.9] * 20 + [0.5] * 12})
    (found,) = divergences(some)
    assert abs((found.since - START).days - 20) <= 1
    assert found.until is None
    assert found.before == pytest.approx(0.9, abs=0.05)
    assert found.attributable == pytest.approx(0.8, abs=0.1)
    traces = [trace(user("rebook me"), assistant("done"), id=e.session_id, session_id=e.session_id) for e in some]
    mined = mine(traces, [diverging((found,), some)])
    bad = {e.session_id for e in some if e.value == 0 and e.at >= found.since}
    assert {f.trace_id for f in mined.failures} == bad
    assert {s.type for f in mined.failures for s in f.signals} == {FailureSignal.BUSINESS_METRIC}
    assert max(f.score for f in mined.failures) < 0.2
    assert "rebooked fell from 0." in mined.failures[0].signals[0].reason


def test_a_rise_is_bad_only_where_less_is_better() -> None:
    some = events({"web": [0.1] * 20 + [0.4] * 15}, "escalated")
    assert divergences(some) == ()
    (found,) = divergences(some, lower_is_better=["escalated"])
    assert found.is_bad(1.0)
    assert not found.is_bad(0.0)


def test_steady_metrics_diverge_at_most_at_the_claimed_rate() -> None:
    found = [bool(divergences(events({"web": [0.8] * 30}, seed=seed, daily=15))) for seed in range(60)]
    assert sum(found) <= 7


def test_a_change_in_one_segment_signals_that_segment_alone() -> None:
    some = events({"web": [0.9] * 30, "app": [0.9] * 18 + [0.3] * 12})
    (found,) = divergences(some, channels(some))
    assert found.segment == ("channel", "app")
    assert found.bad_after == pytest.approx(0.7, abs=0.1)
    detector = diverging((found,), some, channels(some))
    web = next(e for e in some if e.session_id.startswith("web-2") and e.value == 0 and e.at >= found.since)
    mined = mine([trace(user("hi"), id="t", session_id=web.session_id)], [detector])
    assert mined.failures == ()


def test_a_metric_of_a_few_days_is_read_by_the_hour_and_of_a_few_hours_not_at_all() -> None:
    draw = np.random.default_rng(0)
    some = [
        BusinessEvent(
            f"s{hour}-{n}", START + timedelta(hours=hour, minutes=n), "paid", float(draw.random() < (0.9 if hour < 30 else 0.2))
        )
        for hour in range(60)
        for n in range(20)
    ]
    assert abs(divergences(some)[0].since - (START + timedelta(hours=30))) <= timedelta(hours=1)
    assert divergences([e for e in some if e.at < START + timedelta(hours=8)]) == ()
    assert divergences([]) == ()


def test_sessions_are_segmented_by_what_their_traces_say() -> None:
    found = segments_of(
        [trace(id="a", session_id="s", version="v1", attributes={"lang": "en", "long": "x" * 99, "n": 3, "vip": True})]
    )
    assert found == {"s": {"lang": "en", "vip": "True", "version": "v1"}}
