from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from builders import mode
from loopwright.release.effect import ReleaseEffect, Seen, Sides, Verdict, effect, sides
from loopwright.release.record import Release, in_use, previous

T0 = datetime(2026, 3, 1, tzinfo=UTC)
V1, V2 = Release("v1", T0, "Ann"), Release("v2", T0 + timedelta(days=10), "Ann", versions=("c0ffee",))


def day(number: float) -> datetime:
    return T0 + timedelta(days=number)


def split(traces: Sequence[Seen], releases: Sequence[Release], release: Release) -> tuple[list[str], list[str], int]:
    found = sides(traces, releases, release)
    return sorted(set().union(*found.before.values())), sorted(set().union(*found.after.values())), found.unknown


def test_a_trace_is_of_the_version_it_carries_else_of_the_time_it_began() -> None:
    traces = [
        Seen("old", version="v1", started_at=day(20)),
        Seen("tag", version="v2", started_at=day(5)),
        Seen("commit", version="c0ffee"),
        Seen("early", started_at=day(3)),
        Seen("late", version="deploy-77", started_at=datetime(2026, 3, 12)),  # noqa: DTZ001 (a time without a zone is UTC)
        Seen("long ago", started_at=day(-1)),
        Seen("nothing"),
    ]
    assert split(traces, [V1, V2], V2) == (["early", "old"], ["commit", "late", "tag"], 1)
    assert split(traces, [V1, V2], V1) == (["long ago"], ["early", "old"], 1)


def test_after_a_rollback_the_version_before_is_in_use_again() -> None:
    back = replace(V2, rolled_back_at=day(12), rolled_back_by="Ben", rollback_why="worse")
    v3 = Release("v3", day(15), "Ann")
    assert in_use([V1, back]) == V1
    assert in_use([V1, back], day(11)) == back
    assert previous(v3, [V1, back, v3]) == V1
    traces = [Seen("a", started_at=day(11)), Seen("b", started_at=day(13)), Seen("c", started_at=day(16))]
    assert split(traces, [V1, back, v3], v3) == (["b"], ["c"], 0)
    assert split(traces, [V1, back, v3], back) == (["b"], ["a"], 0)


def test_a_version_released_again_is_told_apart_by_time() -> None:
    again = Release("v1", day(20), "Ann")
    traces = [Seen("first", version="v1", started_at=day(1)), Seen("second", version="v1", started_at=day(21))]
    assert split(traces, [V1, V2, again], again) == ([], ["second"], 0)


def told(before: int, after: int, modes: dict[str, tuple[int, int]], doubts: Sequence[str] = ()) -> ReleaseEffect:
    """So many conversations on each side, of which each mode has so many."""
    sides_: list[dict[str, set[str]]] = [
        {f"{side}{n}": {f"{side}{n}"} for n in range(count)} for side, count in (("b", before), ("a", after))
    ]
    places: dict[str, str | None] = {}
    taken = [0, 0]
    for name, counts in modes.items():
        for at, (side, count) in enumerate(zip("ba", counts, strict=True)):
            places |= {f"{side}{n}": name for n in range(taken[at], taken[at] + count)}
            taken[at] += count
    return effect(V2, V1, Sides(*sides_, 0), [mode(m, name=m) for m in modes], places, doubts)


def test_each_mode_fell_rose_is_new_or_cannot_be_told() -> None:
    found = told(400, 400, {"fell": (40, 8), "rose": (10, 40), "new": (0, 15), "noise": (12, 14)})
    verdicts = {m.name: m.verdict for m in found.modes}
    assert verdicts["fell"] is Verdict.FELL
    assert verdicts["rose"] is Verdict.ROSE
    assert verdicts["new"] is Verdict.NEW
    assert verdicts["noise"] is Verdict.UNCLEAR
    assert found.modes[0].mode_id is None
    assert found.modes[0].before == (62, 400)
    fell = next(m for m in found.modes if m.name == "fell")
    assert fell.low < fell.difference == -0.08 < 0
    assert fell.high < 0


def test_a_session_counts_once_however_many_of_its_traces_fail() -> None:
    found = effect(
        V2, V1, Sides({"s": {"t1", "t2"}, "u": {"t3"}}, {"v": {"t4"}}, 0), [mode("m")], {"t1": "m", "t2": "m", "t3": None}
    )
    assert [(m.mode_id, m.before) for m in found.modes] == [(None, (2, 2)), ("m", (1, 2))]


def test_counts_that_cannot_be_trusted_say_nothing() -> None:
    found = told(400, 400, {"fell": (100, 0)}, ["5 traces were not mined"])
    assert {m.verdict for m in found.modes} == {Verdict.UNCLEAR}


def test_a_side_without_conversations_says_nothing() -> None:
    assert {m.verdict for m in told(0, 50, {"m": (0, 50)}).modes} == {Verdict.UNCLEAR}


def test_where_nothing_changed_hardly_anything_is_called_changed() -> None:
    """Twelve modes of 0.5 to 10 %, 400 releases that changed nothing: the chance of any verdict is at most 5 %."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(400):
        n0, n1 = (int(n) for n in rng.integers(100, 1000, 2))
        shares = rng.uniform(0.005, 0.06, 12)
        drawn = [rng.multinomial(n, [*shares, 1 - shares.sum()])[:12] for n in (n0, n1)]
        found = told(n0, n1, {f"m{i}": (int(drawn[0][i]), int(drawn[1][i])) for i in range(12)})
        wrong += any(m.verdict is not Verdict.UNCLEAR for m in found.modes)
    assert wrong / 400 <= 0.083  # three standard deviations above .05


def test_a_mode_that_was_halved_is_mostly_found() -> None:
    rng = np.random.default_rng(12)
    found = 0
    for _ in range(100):
        before, after = (int(rng.binomial(1000, p)) for p in (0.08, 0.04))
        noise = {f"m{i}": (int(rng.binomial(1000, 0.02)), int(rng.binomial(1000, 0.02))) for i in range(8)}
        rows = told(1000, 1000, {"fixed": (before, after), **noise}).modes
        found += next(m for m in rows if m.name == "fixed").verdict is Verdict.FELL
    assert found / 100 >= 0.7
