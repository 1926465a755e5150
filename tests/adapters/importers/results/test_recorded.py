"""Files as the tools themselves wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopwright.adapters.importers.results.reader import FileResultReader
from loopwright.collect.intake import Rejected
from loopwright.gate.exchange import read_result

RECORDED = Path(__file__).with_name("recorded")


def rows(name: str, **options: Any) -> list[dict[str, Any]]:
    found = list(FileResultReader(1 << 20, **options).read(str(RECORDED / name)))
    assert not [one for one in found if isinstance(one, Rejected)]
    made = [one[1] for one in found if not isinstance(one, Rejected)]
    assert all(read_result(row).eval_id for row in made)
    return made


def verdicts(made: list[dict[str, Any]]) -> dict[str, list[bool | None]]:
    told: dict[str, list[bool | None]] = {}
    for row in sorted(made, key=lambda row: row["trial"]):
        told.setdefault(row["eval_id"], []).append(row["passed"])
    return told


@pytest.mark.parametrize("name", ["promptfoo.json", "promptfoo.jsonl"])
def test_promptfoo_repeats_are_trials_and_an_error_is_no_verdict(name: str) -> None:
    made = rows(name)
    assert verdicts(made) == {
        "refund outside the window [d7c5bd9e]": [True, True],
        "greeting [a0a17b6e]": [False, False],
        "test-de663da7": [None, None],
    }
    first, broken = made[0], made[-1]
    assert (first["mode_id"], first["tags"], first["cost_usd"], first["tokens"]) == ("mode-refunds", ["refunds"], 0.002, 18)
    assert broken["error"] == "the tool is gone"


def test_promptfoo_names_its_run() -> None:
    assert {row["run_id"] for row in rows("promptfoo.json")} == {"promptfoo-eval-ZGV-2026-11-23T15:03:34"}


@pytest.mark.parametrize("name", ["inspect.json", "inspect.eval"])
def test_inspect_epochs_are_trials_and_all_scores_must_pass(name: str) -> None:
    made = rows(name)
    assert verdicts(made) == {
        "shop/refund": [True, True],
        "shop/greeting": [False, False],
        "shop/boom": [None, None],
        "shop/slow": [False, False],
        "shop/half": [False, False],
        "shop/7": [True, True],
    }
    by_id = {row["eval_id"]: row for row in made}
    refund = by_id["shop/refund"]
    assert (refund["mode_id"], refund["tags"], refund["version"], refund["tokens"]) == (
        "mode-refunds",
        ["ci", "refunds"],
        "v7",
        18,
    )
    assert by_id["shop/greeting"]["deterministic"] is True
    assert "the tool is gone" in by_id["shop/boom"]["error"]
    assert by_id["shop/half"]["score"] == 0.5


def test_a_lower_pass_score_lets_a_partial_score_pass_and_a_time_limit_never() -> None:
    assert verdicts(rows("inspect.json", pass_score=0.5))["shop/half"] == [True, True]
    assert verdicts(rows("inspect.json", pass_score=0.0))["shop/slow"] == [None, None]


def test_both_forms_of_an_inspect_log_know_the_same_cases() -> None:
    known = [{(row["eval_id"], row["case_digest"]) for row in rows(name)} for name in ("inspect.json", "inspect.eval")]
    assert known[0] == known[1]


def test_deepeval_tests_without_a_name_are_known_by_their_input() -> None:
    made = rows("deepeval.json")
    assert verdicts(made) == {
        "case-c37eb929": [True, False],
        "case-e57ad287": [False],
        "case-9b4041f8": [None],
        "named": [True],
    }
    assert (made[0]["cost_usd"], made[0]["latency_ms"], made[0]["tags"]) == (0.002, 250.0, ["refunds"])
    assert made[2]["error"] == "Mentions refund: ValueError: the judge is gone"
    assert len({row["run_id"] for row in made}) == 1


def test_a_deepeval_run_under_pytest_keeps_its_names() -> None:
    assert verdicts(rows("deepeval_pytest.json")) == {
        "test_mentions[Refund my order.-your refund is on its way]": [True],
        "test_mentions[Say hello.-go away]": [False],
        "test_mentions[boom-refund]": [None],
    }


def test_pytest_writes_junit_and_its_skips_are_told() -> None:
    told: list[str] = []
    made = rows("junit.xml", told=told.append)
    assert verdicts(made) == {
        "test_shop::test_answer[refund]": [True],
        "test_shop::test_answer[hello]": [False],
        "test_shop::test_other": [True],
        "test_shop::test_known": [False],
        "test_shop::test_setup": [None],
        "test_shop.TestTools::test_one": [True],
    }
    assert made[0] | {"run_id": ""} == made[0] | {"mode_id": "mode-refunds", "cost_usd": 0.002, "latency_ms": 1.0, "run_id": ""}
    assert told == [f"{RECORDED / 'junit.xml'}: 1 test was skipped, and is no trial"]
