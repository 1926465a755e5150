"""Flips are counted between trials of one version, in planned trials alone."""

from __future__ import annotations

from builders import result
from loopwright.gate.flaky import flaky_cases


def test_the_surest_flips_come_first() -> None:
    rows = [
        *(result("coin", trial % 2 == 0, trial) for trial in range(20)),
        *(result("rare", trial != 3, trial) for trial in range(20)),
        *(result("steady", True, trial) for trial in range(20)),
        *(result("young", trial == 0, trial) for trial in range(2)),
    ]
    found = flaky_cases(rows)
    assert [case.eval_id for case in found] == ["coin", "young", "rare", "steady"]
    assert (found[0].passes, found[0].trials, found[0].runs) == (10, 20, 1)
    assert found[2].flips.value == 19 / 190
    assert found[3].flips.value == 0


def test_what_changed_between_versions_is_no_flip_and_repeats_are_left_out() -> None:
    rows = [result("a", version == "v1", t, version=version, run_id=version) for version in ("v1", "v2") for t in range(4)]
    rows += [result("a", False, 9, version="v1", run_id="v1", repeat=True)]
    (case,) = flaky_cases(rows)
    assert (case.flips.value, case.trials, case.runs) == (0, 8, 2)


def test_a_trial_without_a_verdict_is_no_pass() -> None:
    (case,) = flaky_cases([result("a", True, 0), result("a", None, 1, error="timed out")])
    assert (case.passes, case.flips.value) == (1, 0.5)
