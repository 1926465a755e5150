from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import case
from colour_agent import ColourTarget, traces
from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.evaluate.case import Check, Layer, Suite
from loopwright.improve.proposal import Proposal, ProposalKind, ProposalRecord, ProposalStatus
from loopwright.ports import HarnessTables, Store
from loopwright.settings import Settings
from loopwright.workflows.improving import Decision, decide_proposal, detect_store
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, verify_proposal

CASES = 23
MANY = CASES + 15
"""18 of the 40 recorded conversations show the failure, and 5 others are tried."""


class Clock:
    """A twentieth of a second later each time, whoever asks."""

    at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        Clock.at += timedelta(seconds=0.05)
        return Clock.at


class Bar:
    def __init__(self) -> None:
        self.steps, self.total = 0, 0

    def start(self, label: str, total: int | None = None) -> None:
        self.total = total or 0

    def advance(self, by: int = 1) -> None:
        self.steps += by

    def done(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with wiring.store(Settings(folder=tmp_path)) as opened:
        opened.put_traces(traces(40))
        asyncio.run(detect_store(opened))
        yield opened


class Factory:
    """Makes colour agents with a harness, and keeps them."""

    def __init__(self, repeats: float = 0.4, fails_after: int | None = None) -> None:
        self.made: list[tuple[dict[str, Any], ColourTarget]] = []
        self.repeats, self.fails_after = repeats, fails_after

    def __call__(self, tables: HarnessTables) -> ColourTarget:
        target = ColourTarget(tables, self.repeats)
        target.fails_after = self.fails_after
        self.made.append(({kind: dict(table) for kind, table in tables.items()}, target))
        return target

    @property
    def calls(self) -> int:
        return sum(len(target.calls) for _, target in self.made)


def bench(store: Store, factory: Factory) -> VerifyBench:
    return VerifyBench(store, factory, wiring.executor(Settings()), Clock(), lambda _: nullcontext())


def only(store: Store) -> ProposalRecord:
    (record,) = store.proposals()
    return record


def verify(store: Store, factory: Factory, **options: Any) -> Any:
    request = VerifyRequest(only(store).proposal, **{"trials": 3, "others": 5, **options})
    return asyncio.run(verify_proposal(request, bench(store, factory), Bar()))


def test_a_guard_that_helps_is_found_to_help_and_the_verification_is_kept(store: Store) -> None:
    assert only(store).proposal.kind is ProposalKind.DEDUPLICATE_CALLS
    factory = Factory()
    found = verify(store, factory, trials=6, others=20)
    assert found.verdict == "helping", found.reason
    assert found.failure.without > 0.3
    assert found.failure.with_ == 0
    assert found.runtime_ms.difference < 0
    assert found.cost_usd.difference < 0
    kept = only(store)
    assert (kept.status, kept.verification) == (ProposalStatus.VERIFIED, found)
    assert (found.trials, found.cases) == (6 * MANY, MANY)
    assert store.runs() == []
    runs = store.verification_log().runs()
    assert [run.run_id for run in runs] == list(found.run_ids)
    assert all(run.finished_at is not None and kept.proposal.proposal_id in run.version for run in runs)


def test_what_so_many_trials_do_not_decide_is_tried_twice_as_often(store: Store) -> None:
    factory = Factory(repeats=0.05)
    found = verify(store, factory, trials=1, max_trials=3, others=20)
    assert (found.verdict, found.trials, found.look) == ("undecided", 3 * MANY, 3)
    assert factory.calls == 2 * 3 * MANY
    decided = verify(store, Factory(repeats=0), trials=6, max_trials=12, others=20)
    assert (decided.verdict, decided.trials, decided.look) == ("no_effect", 6 * MANY, 4)


def test_both_sides_have_the_harness_that_stands_but_for_the_guard_in_question(store: Store) -> None:
    factory = Factory()
    standing = {"retry_budget": {"mode": "enforce"}, "deduplicate_calls": {"mode": "enforce", "limit": 9}}
    verify(store, factory, tables=standing, trials=1)
    (without, _), (with_, _) = factory.made
    change = only(store).proposal.change
    assert without == {"retry_budget": {"mode": "enforce"}}
    assert with_ == {"retry_budget": {"mode": "enforce"}, "deduplicate_calls": {"mode": "enforce", **change}}


def test_an_agent_without_the_failure_gets_no_help(store: Store) -> None:
    found = verify(store, Factory(repeats=0), trials=6, others=20)
    assert (found.verdict, found.reason) == ("no_effect", "the failure did not occur without the guard")


def test_sides_take_turns_and_have_the_same_trials(store: Store) -> None:
    factory = Factory()
    verify(store, factory)
    (_, without), (_, with_) = factory.made
    assert sorted(without.calls) == sorted(with_.calls)


def test_what_was_cut_short_goes_on_where_it_stopped(store: Store) -> None:
    broken = Factory(fails_after=20)
    with pytest.raises(KeyboardInterrupt):
        verify(store, broken)
    log = store.verification_log()
    kept = sum(len(log.results(run.run_id)) for run in log.runs())
    assert kept >= 15
    assert only(store).verification is None
    factory = Factory()
    found = verify(store, factory)
    assert factory.calls == 2 * 3 * CASES - kept
    assert found.trials == 3 * CASES
    fresh = Factory()
    again = verify(store, fresh)
    assert fresh.calls == 2 * 3 * CASES  # a verification that ended is followed by a new one, on trials of its own
    assert (again.look, again.level) == (2, pytest.approx(found.level / 4))
    assert set(again.run_ids).isdisjoint(found.run_ids)


def test_a_changed_harness_or_version_does_not_go_on_with_old_trials(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        verify(store, Factory(fails_after=20))
    factory = Factory()
    verify(store, factory, version="2")
    assert factory.calls == 2 * 3 * CASES


def test_cases_of_the_suite_are_tried_and_those_that_need_a_judge_left_out(store: Store) -> None:
    suite = Suite((
        case("red", input="order 7", checks=(Check("contains", {"value": "red"}),), trials=9),
        case("judged", layer=Layer.SEMANTIC, checks=(), scoring_rubric=("is kind",)),
    ))  # fmt: skip
    factory = Factory()
    found = verify(store, factory, suite=suite, evidence=0, others=0, trials=2)
    assert (found.cases, found.trials) == (1, 2)
    assert found.success.with_ == 1


def test_without_anything_to_try_it_says_so(store: Store) -> None:
    with pytest.raises(UsageError, match="nothing to verify .* on"):
        verify(store, Factory(), evidence=0, others=0)


def test_a_proposal_must_be_known(store: Store) -> None:
    stranger = Proposal(ProposalKind.RETRY_BUDGET, ("s1",), {"per_tool": 2})
    request = VerifyRequest(stranger)
    with pytest.raises(UsageError, match="is not in the store"):
        asyncio.run(verify_proposal(request, bench(store, Factory()), Bar()))


def test_an_agent_that_answers_in_text_alone_is_undecided(store: Store) -> None:
    class Silent(ColourTarget):
        async def call(self, request: Any) -> Any:
            from dataclasses import replace

            return replace(await super().call(request), messages=())

    request = VerifyRequest(only(store).proposal, trials=2)
    silent = VerifyBench(store, Silent, wiring.executor(Settings()), Clock(), lambda _: nullcontext())
    found = asyncio.run(verify_proposal(request, silent, Bar()))
    assert found.verdict == "undecided"
    assert "without messages" in found.reason


def test_progress_reaches_its_end(store: Store) -> None:
    bar = Bar()
    request = VerifyRequest(only(store).proposal, trials=2, others=5)
    asyncio.run(verify_proposal(request, bench(store, Factory()), bar))
    assert bar.steps == bar.total == 2 * 2 * CASES


def test_an_approved_proposal_can_be_verified_again(store: Store) -> None:
    decision = Decision(ProposalStatus.APPROVED, "Ann", datetime(2026, 1, 1, tzinfo=UTC), unverified="urgent")
    asyncio.run(decide_proposal(store, only(store), decision))
    verify(store, Factory(), trials=1)
    assert only(store).status is ProposalStatus.APPROVED
