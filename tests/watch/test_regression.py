from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from loopwright.release.record import Release
from loopwright.watch.finding import Watched
from loopwright.watch.regression import regressions

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def ran(version: str, day: int, failing: int, total: int, mode: str | None = "mode-1") -> list[Watched]:
    at = NOW + timedelta(days=day)
    return [
        Watched(f"{version}-{i}", at + timedelta(minutes=i), version, i < failing, mode if i < failing else None)
        for i in range(total)
    ]


def test_a_release_that_fails_more_is_named_with_its_change_and_the_way_back() -> None:
    release = Release("v2", NOW, "Ada", proposal_ids=("proposal-1",))
    look = regressions([*ran("v1", 0, 5, 200), *ran("v2", 7, 30, 200)], {"mode-1": "lost refund"}, [release])
    overall, mode = look.findings
    assert (overall.subject, mode.subject) == ("overall", "mode-1")
    assert mode.summary == "failure mode lost refund rose from 2.5 % to 15.0 % with release v2, which brought proposal-1"
    assert mode.responses[0][0] == "loopwright release rollback v2"
    assert mode.responses[1][0].startswith("loopwright improve rollback proposal-1")
    assert mode.evidence["before"] == {"version": "v1", "failures": 5, "traces": 200}
    assert len(mode.trace_ids) == 30


def test_fewer_failures_and_chance_are_no_regression() -> None:
    assert regressions([*ran("v1", 0, 30, 200), *ran("v2", 7, 5, 200)], {}).findings == ()
    draw = np.random.default_rng(0)
    found = []
    for _ in range(150):
        both = [*ran("v1", 0, draw.binomial(100, 0.1), 100), *ran("v2", 7, draw.binomial(100, 0.1), 100)]
        found.append(bool(regressions(both, {}).findings))
    assert np.mean(found) <= 0.08


def test_names_of_one_release_are_one_version() -> None:
    releases = [Release("v2", NOW, "Ada", versions=("abc123",))]
    look = regressions([*ran("v1", 0, 1, 100), *ran("abc123", 7, 40, 100)], {}, releases)
    assert look.findings[0].evidence["release"] == "v2"


def test_a_release_that_was_rolled_back_and_a_single_version_are_undecided() -> None:
    back = Release("v2", NOW, "Ada", rolled_back_at=NOW, rolled_back_by="Grace")
    assert "rolled back by Grace" in regressions([*ran("v1", 0, 1, 100), *ran("v2", 7, 40, 100)], {}, [back]).undecided
    assert "needs two" in regressions([*ran("v1", 0, 1, 100), *ran("v2", 7, 1, 9)], {}).undecided
