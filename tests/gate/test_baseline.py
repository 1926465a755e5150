"""Which runs are a baseline's history, and that letting runs join it by themselves blocks an unchanged agent no more often."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.result import Run
from loopwright.gate.baseline import joins, of_version, same_agent, windowed
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy

NOW = datetime(2026, 3, 2, tzinfo=UTC)
COMMIT = "3f" * 20
HERE = Fingerprint(code=COMMIT, prompt="p1")


def a_run(name: str = "run-1", day: int = 0, **fields: object) -> Run:
    at = NOW + timedelta(days=day)
    return replace(Run(name, COMMIT, "s", "agent", at, at, fingerprint=HERE), **fields)


def decided(outcome: Outcome, **statistics: object) -> GateDecision:
    return GateDecision(outcome is Outcome.APPROVED, decision=outcome, statistics={"suite": {}, **statistics})


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"version": "v1"}, False),
        ({"fingerprint": replace(HERE, prompt="p2")}, False),
        ({"fingerprint": replace(HERE, code=f"{COMMIT}-dirty")}, False),
        ({"fingerprint": replace(HERE, release="v9")}, True),
        ({"fingerprint": None}, False),
    ],
)
def test_two_runs_are_of_one_agent_where_all_that_it_is_made_of_is_the_same(other: dict[str, object], same: bool) -> None:
    assert same_agent(a_run(), a_run(**other)) is same


def test_a_name_alone_is_no_proof_of_the_agent() -> None:
    named, commit = a_run(version="v1", fingerprint=None), a_run(fingerprint=None)
    assert not same_agent(named, named)
    assert same_agent(commit, commit)
    outside = a_run(version="v1", fingerprint=Fingerprint())
    assert not same_agent(outside, outside)


def test_a_run_joins_unless_it_was_blocked_or_not_compared_or_is_a_part() -> None:
    newest, run = a_run("released"), a_run("later", 1)
    assert joins(run, newest, decided(Outcome.APPROVED))
    assert joins(run, newest, decided(Outcome.UNDECIDED))
    assert not joins(run, newest, decided(Outcome.BLOCKED))
    assert not joins(run, newest, decided(Outcome.UNDECIDED, suite=None))
    assert not joins(run, newest, None)
    assert not joins(replace(run, settings={"filters": ["--tag"]}), newest, decided(Outcome.APPROVED))
    assert not joins(replace(run, finished_at=None), newest, decided(Outcome.APPROVED))


def test_the_window_keeps_the_last_runs_and_what_must_be_kept() -> None:
    runs = [a_run(f"run-{day}", day) for day in range(10)]
    until = NOW + timedelta(days=10)

    def ids(policy: Policy, *keep: str) -> list[str]:
        return [run.run_id for run in windowed(runs, until, policy, keep)]

    assert ids(Policy()) == [f"run-{day}" for day in range(10)]
    assert ids(Policy(window=3)) == ["run-7", "run-8", "run-9"]
    assert ids(Policy(window=3), "run-0") == ["run-0", "run-8", "run-9"]
    assert ids(Policy(window=1), "run-0") == ["run-0"]
    assert ids(Policy(window=0, window_days=2)) == ["run-8", "run-9"]
    assert ids(Policy(window_days=0.5), "run-4") == ["run-4"]
    assert len(ids(Policy(window=0, window_days=0))) == 10


def test_the_runs_of_a_version_are_those_that_nobody_blocked_or_somebody_accepted() -> None:
    runs = [a_run("one"), a_run("two"), a_run("three", settings={"filters": ["--tag"]}), a_run("four", version="v2")]
    latest = {"one": decided(Outcome.BLOCKED), "two": decided(Outcome.UNDECIDED)}
    assert [run.run_id for run in of_version(runs, {COMMIT}, latest, ())] == ["two"]
    assert [run.run_id for run in of_version(runs, {COMMIT, "v2"}, latest, {"one"})] == ["one", "two", "four"]
