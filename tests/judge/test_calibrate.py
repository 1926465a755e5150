from __future__ import annotations

import numpy as np
import pytest

from loopwright.judge.calibrate import Calibration, Pair, calibrate, trust_in_failure


def pairs(pass_pass: int = 0, pass_fail: int = 0, fail_pass: int = 0, fail_fail: int = 0) -> list[Pair]:
    """Labelled items: the judge's word first, then people's."""
    counts = {(True, True): pass_pass, (True, False): pass_fail, (False, True): fail_pass, (False, False): fail_fail}
    return [Pair(f"{judge}-{human}-{i}", judge, human) for (judge, human), n in counts.items() for i in range(n)]


def others(passed: int, failed: int) -> list[Pair]:
    return [Pair(f"pass-{i}", True) for i in range(passed)] + [Pair(f"fail-{i}", False) for i in range(failed)]


def test_a_good_judge_is_usable() -> None:
    found = calibrate([*pairs(45, 3, 4, 28), *others(600, 400)])
    assert (found.n, found.judged, found.exit_code, found.usable) == (80, 1080, 0, True)
    assert found.tpr.value == pytest.approx(45 / 49)
    assert found.tnr.value == pytest.approx(28 / 31)
    assert found.agreement.value == pytest.approx(73 / 80)
    assert found.pass_rate_raw.value == pytest.approx(648 / 1080)
    assert "shown to exceed 0.25" in found.why


def test_a_judge_that_guesses_is_not_usable() -> None:
    found = calibrate([*pairs(50, 50, 50, 50), *others(100, 100)])
    assert (found.exit_code, found.usable) == (1, False)
    assert "not shown to be better than guessing" in found.why
    assert found.pass_rate_corrected == (None, 0.0, 1.0)


@pytest.mark.parametrize(
    "labelled", [[], pairs(5, 0, 0, 5), pairs(40, 0, 0, 0), pairs(40, 2, 0, 2), pairs(2, 0, 2, 60)], ids=lambda p: str(len(p))
)
def test_too_few_labels_decide_nothing(labelled: list[Pair]) -> None:
    found = calibrate([*labelled, *others(10, 10)])
    assert (found.exit_code, found.enough, found.usable) == (2, False, False)
    assert found.why.startswith("too few labels")
    assert found.pass_rate_raw.value is not None


def test_items_without_a_verdict_are_counted_and_change_nothing() -> None:
    given = [*pairs(45, 3, 4, 28), *others(60, 40)]
    with_lost = calibrate([*given, Pair("lost", None, True), Pair("lost too", None)])
    assert with_lost.no_verdict == 2
    assert (with_lost.n, with_lost.tpr, with_lost.pass_rate_corrected) == (80, *_two(calibrate(given)))


def _two(found: Calibration) -> tuple[object, object]:
    return found.tpr, found.pass_rate_corrected


def test_the_order_of_lines_does_not_matter() -> None:
    given = [*pairs(45, 3, 4, 28), *others(60, 40)]
    assert calibrate(given) == calibrate(given[::-1])


def test_trust_in_a_failure_is_the_share_of_failures_that_people_see_too() -> None:
    found = calibrate(pairs(60, 5, 10, 25))
    assert trust_in_failure(found) == pytest.approx(25 / 35)
    assert trust_in_failure(calibrate(pairs(50, 50, 50, 50))) is None


def test_a_judge_of_the_limit_is_seldom_called_usable() -> None:
    """TPR + TNR - 1 of exactly the limit: a claim that it is exceeded is wrong, and made in 2.5 % of samples or so."""
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(400):
        passes = int(rng.binomial(120, 0.6))
        tp, tn = int(rng.binomial(passes, 0.65)), int(rng.binomial(120 - passes, 0.6))
        called += calibrate(pairs(tp, 120 - passes - tn, passes - tp, tn)).usable
    assert called / 400 <= 0.05
