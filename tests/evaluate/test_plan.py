from __future__ import annotations

import pytest

from builders import case, result
from loopwright.errors import UsageError
from loopwright.evaluate.case import Layer, Suite
from loopwright.evaluate.plan import Selection, identity, select, trials
from loopwright.evaluate.summary import exit_code, summarise

SUITE = Suite((case("a", tags=("x",)), case("b", tags=("y", "z"), trials=3), case("c", layer=Layer.SEMANTIC, timeout_s=9)))


def ids(selection: Selection) -> list[str]:
    return [c.id for c in select(SUITE, selection).cases]


def test_selection_by_layer_tag_and_id() -> None:
    assert ids(Selection()) == ["a", "b", "c"]
    assert ids(Selection(tags=("x", "z"))) == ["a", "b"]
    assert ids(Selection(layers=(Layer.SEMANTIC,))) == ["c"]
    assert ids(Selection(layers=(Layer.SEMANTIC,), ids=("a",))) == []


def test_an_unknown_id_or_tag_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown tag 'xx'; did you mean 'x'"):
        select(SUITE, Selection(tags=("xx",)))
    with pytest.raises(UsageError, match="unknown case 'd'; known: a, b, c"):
        select(SUITE, Selection(ids=("d",)))


def test_every_case_is_tried_once_before_any_is_tried_again() -> None:
    planned = list(trials(SUITE, 2, 5.0))
    assert [t.key for t in planned] == [("a", 0), ("b", 0), ("c", 0), ("a", 1), ("b", 1), ("c", 1), ("b", 2)]
    assert {t.case.id: t.timeout_s for t in planned} == {"a": 5.0, "b": 5.0, "c": 9}


def test_a_run_is_the_same_only_for_the_same_version_suite_target_and_trials() -> None:
    planned = [t.key for t in trials(SUITE, 2, 5.0)]
    same = identity("v1", SUITE.digest, "t", planned)
    assert same == identity("v1", Suite(SUITE.cases[::-1]).digest, "t", planned[::-1])
    others = [identity("v2", SUITE.digest, "t", planned), identity("v1", SUITE.digest, "u", planned)]
    assert same not in [*others, identity("v1", "d", "t", planned), identity("v1", SUITE.digest, "t", planned[1:])]


def test_what_a_run_amounts_to() -> None:
    failed = result("a", False, trial=1)
    (summary,) = summarise([result("a"), failed, result("a", None, trial=2, error="boom")])
    assert (summary.passed, summary.failed, summary.undecided, summary.trials) == (1, 1, 1, 3)
    assert exit_code([result("a")]) == 0
    assert exit_code([result("a"), failed, result("b", None)]) == 1
    assert exit_code([result("a"), result("b", None)]) == 2
    assert exit_code([]) == 2
