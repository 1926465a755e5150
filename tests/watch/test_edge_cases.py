from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from loopwright.watch.edge_cases import edge_cases
from loopwright.watch.finding import DriftKind, Watched

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def weeks(rates: list[float], seed: int = 0, mode: str | None = None, share: float = 0.0) -> list[Watched]:
    """300 traces a week, one-offs at the rates given; a share of steady failures of a large mode."""
    draw = np.random.default_rng(seed)
    made = []
    for week, rate in enumerate(rates):
        for number in range(300):
            at = MONDAY + timedelta(weeks=week, minutes=30 * number)
            failed, large = bool(draw.random() < rate), bool(draw.random() < share)
            made.append(
                Watched(
                    f"{week}-{number}", at, failed=failed or large, mode_id="mode-large" if large else mode if failed else None
                )
            )
    return made


def test_one_offs_that_grow_are_found_with_the_response() -> None:
    look = edge_cases(weeks([0.005, 0.01, 0.02, 0.03, 0.04], share=0.05), {})
    (finding,) = look.findings
    assert finding.kind is DriftKind.EDGE_CASES
    assert "edge cases, each below 1 % of traces, grew from" in finding.summary
    assert [command for command, _ in finding.responses] == ["loopwright triage", "loopwright draft"]
    assert len(finding.evidence["weeks"]) == 5


def test_a_small_mode_that_grows_is_named() -> None:
    look = edge_cases(weeks([0.0, 0.0, 0.003, 0.005, 0.02], mode="mode-1"), {"mode-1": "refund loop"})
    assert "failure mode refund loop grew" in {f.subject: f.summary for f in look.findings}["mode-1"]


def test_steady_edge_cases_are_found_at_most_at_the_claimed_rate() -> None:
    found = [bool(edge_cases(weeks([0.02] * 5, seed), {}, seed=seed).findings) for seed in range(40)]
    assert sum(found) <= 5


def test_a_large_mode_that_grows_is_no_edge_case() -> None:
    grown = [t for week, rate in enumerate([0.05, 0.1, 0.2]) for t in weeks([0.0] * week + [rate], week, "mode-9")[300 * week :]]
    assert edge_cases(grown, {}).findings == ()


def test_two_weeks_make_no_trend() -> None:
    assert "a trend needs 3" in edge_cases(weeks([0.1, 0.2]), {}).undecided
