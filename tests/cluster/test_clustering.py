"""The whole step, with the shipped static embedder: no mocks, no model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import failure, signal
from cluster_requests import ALONE, KINDS, PASSWORD, REFUND
from loopwright.adapters.embed.static import StaticTable
from loopwright.cluster.clustering import cluster_failures
from loopwright.cluster.mode import Clustering
from loopwright.cluster.options import AVERAGE, NOTHING, Known, Options
from loopwright.effects import Embed
from loopwright.mine.signal import FailureSignal, FailureTrace

EMBEDDER = StaticTable()
JUDGED = FailureSignal.LLM_JUDGE_FAIL


def run(failures: Sequence[FailureTrace], options: Options = AVERAGE, known: Known = NOTHING) -> Clustering:
    step = cluster_failures(failures, options, known)
    reply = None
    asked = 0
    while True:
        try:
            embed = step.send(reply)  # type: ignore[arg-type]
        except StopIteration as stop:
            assert asked <= 1
            return stop.value
        assert isinstance(embed, Embed)
        asked += 1
        reply = EMBEDDER.embed(embed.texts)


def requests(*texts: str, prefix: str = "t") -> list[FailureTrace]:
    return [failure(f"{prefix}{i}", text, "", signal_type=JUDGED) for i, text in enumerate(texts)]


def everything() -> list[FailureTrace]:
    return requests(*(text for kind in KINDS for text in kind), *ALONE)


def partition(clustering: Clustering) -> set[frozenset[str]]:
    groups: dict[str | None, set[str]] = {}
    for member in clustering.memberships:
        groups.setdefault(member.mode_id or member.trace_id, set()).add(member.trace_id)
    return {frozenset(group) for group in groups.values()}


def test_failures_of_one_kind_become_a_mode_and_one_offs_stay() -> None:
    found = run(everything())
    place = {m.trace_id: m for m in found.memberships}
    begin = 0
    for kind in KINDS:
        modes = [place[f"t{i}"].mode_id for i in range(begin, begin + len(kind))]
        begin += len(kind)
        most = max(set(modes), key=modes.count)
        assert most is not None
        assert modes.count(most) >= len(kind) // 2
    alone = [place[f"t{i}"] for i in range(begin, begin + len(ALONE))]
    assert all(m.mode_id is None and m.strength == 0.0 for m in alone)
    assert [m.trace_id for m in found.memberships] == [f.trace_id for f in everything()]


def test_modes_are_complete_and_ranked() -> None:
    found = run(everything())
    assert [m.score for m in found.modes] == sorted((m.score for m in found.modes), reverse=True)
    assert len({m.name for m in found.modes}) == len(found.modes)
    for mode in found.modes:
        members = {m.trace_id for m in found.memberships if m.mode_id == mode.mode_id}
        assert mode.size == len(members) >= 3
        assert set(mode.representatives) <= members
        assert mode.name
        assert mode.terms
        assert mode.description
        assert mode.why
        assert mode.possible_fix
        assert mode.position is not None
        assert all(-1.0 <= v <= 1.0 for v in mode.position)
        assert all(0.0 < m.strength <= 1.0 for m in found.memberships if m.mode_id == mode.mode_id)
    assert any("refund" in m.terms for m in found.modes)
    assert any("password" in m.name for m in found.modes)


@settings(max_examples=5)
@given(st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(shuffler: random.Random) -> None:
    rows = everything()
    before = run(rows)
    shuffler.shuffle(rows)
    after = run(rows)
    assert partition(after) == partition(before)
    assert {m.mode_id: m.name for m in after.modes} == {m.mode_id: m.name for m in before.modes}
    assert after.positions == before.positions


def test_duplicates_collapse_and_never_split() -> None:
    rows = everything() + requests(*REFUND[:2] * 5, prefix="again")
    found = run(rows)
    place = {m.trace_id: m.mode_id for m in found.memberships}
    assert found.distinct == len(everything())
    assert len({place[f"again{i}"] for i in range(0, 10, 2)} | {place["t0"]}) == 1
    assert place["t0"] is not None


def test_min_size_counts_failures_not_texts() -> None:
    lonely = ALONE[0]
    found = run(everything() + requests(lonely, lonely, prefix="again"))
    place = {m.trace_id: m for m in found.memberships}
    assert place["again0"].mode_id is not None
    assert place["again0"].strength == 1.0
    assert run(everything() + requests(lonely, prefix="again")).memberships[-1].mode_id is None


def test_particulars_do_not_matter() -> None:
    rows = [failure(f"e{i}", "", f"Error: order #W{i}12345 not found at 2024-05-{i + 10}") for i in range(5)]
    found = run(everything() + rows)
    assert len({m.mode_id for m in found.memberships[-5:]}) == 1
    assert found.distinct == len(everything()) + 1


def test_score_zero_is_never_clustered() -> None:
    rows = [failure(f"z{i}", "I want a refund", "", score=0.0) for i in range(9)]
    found = run(rows)
    assert found.modes == ()
    assert all(m.mode_id is None and m.strength == 0.0 for m in found.memberships)
    mixed = run(everything() + rows)
    assert partition(run(everything())) | {frozenset({f"z{i}"}) for i in range(9)} == partition(mixed)


@pytest.mark.parametrize("rows", [[], requests("one"), requests("one", "two"), requests("", "", ""), requests("?", "!", "...")])
def test_little_or_nothing_is_no_trouble(rows: list[FailureTrace]) -> None:
    found = run(rows)
    assert len(found.memberships) == len(rows)
    assert all(np.isfinite(m.strength) for m in found.memberships)
    assert all(m.name for m in found.modes)


def test_ids_stay_when_a_tenth_is_added() -> None:
    rows = everything()
    before = run(rows)
    more = requests("refund for the flight I cancelled", "I do not remember my password", "is rain expected today", prefix="new")
    after = run([*more, *rows], known=Known.of(before.memberships, before.modes))
    old = {m.trace_id: m.mode_id for m in before.memberships if m.mode_id}
    new = {m.trace_id: m.mode_id for m in after.memberships if m.mode_id}
    both = [trace for trace in old if trace in new]
    assert both
    assert sum(old[t] == new[t] for t in both) >= 0.9 * len(both)


def test_founders_give_ids_without_a_previous_clustering() -> None:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    rows = [
        failure(f"x{i}", text, "", signal_type=JUDGED, timestamp=start + timedelta(hours=i))
        for i, text in enumerate((*PASSWORD, *REFUND))
    ]
    late = failure("a-later-one", REFUND[0], "", signal_type=JUDGED, timestamp=start + timedelta(days=9))
    assert {m.mode_id for m in run(rows).modes} == {m.mode_id for m in run([late, *rows]).modes}


def test_granularity_is_reported_and_obeyed() -> None:
    coarse, fine = run(everything(), Options(granularity=1.5)), run(everything(), Options(granularity=8.0))
    assert coarse.granularity == 1.5
    assert fine.granularity == 8.0
    assert coarse.threshold is not None
    assert fine.threshold is not None
    assert coarse.threshold < fine.threshold
    assert sum(m.size for m in fine.modes) <= sum(m.size for m in coarse.modes)


def test_the_source_method_is_selectable() -> None:
    rows = everything() + requests(*["the very same words"] * 4, prefix="again")
    found = run(rows, Options(method="dbscan"))
    assert found.method == "dbscan"
    assert found.threshold is None
    assert len({m.mode_id for m in found.memberships[-4:]} - {None}) == 1


def test_the_same_request_that_fails_in_two_ways_makes_two_modes() -> None:
    orders = [f"Please cancel my order number {number}" for number in range(6)]
    broken = [failure(f"a{i}", text, "the tool cancel_order failed: not found") for i, text in enumerate(orders)]
    turned = [
        failure(f"b{i}", text, "the user asks for a person", signal_type=FailureSignal.USER_CORRECTION)
        for i, text in enumerate(orders)
    ]
    found = partition(run([*broken, *turned]))
    assert found == {frozenset(f.trace_id for f in broken), frozenset(f.trace_id for f in turned)}


def written(id: str, text: str, words: str, **fields: Any) -> FailureTrace:
    given = signal(type=FailureSignal.USER_CORRECTION, detector="negative_feedback", reason="a low rating", words=words)
    return failure(id, text, signals=(given,), **fields)


BAGS = (
    "the second bag was not free, I had to pay",
    "I had to pay for the second bag",
    "the second bag was charged at the counter",
)
HOURS = ("the desk opened a day later", "check-in was not open yet that day", "the check-in desk opened much later")


def test_what_people_write_makes_the_modes_whatever_else_went_wrong() -> None:
    errors = ("the tool search failed: timeout", "get_user is called again with the same arguments")
    rows = [
        written(f"{kind}{i}{error}", f"Please help me with my trip {i}", words, reason=errors[error])
        for kind, told in (("bags", BAGS), ("hours", HOURS))
        for i, words in enumerate(told)
        for error in range(2)
    ]
    modes = partition(run(rows))
    assert all(len({id.rstrip("0123456789") for id in ids}) == 1 for ids in modes)
    assert all(m.mode_id for m in run(rows).memberships)


def test_words_that_only_say_that_something_is_wrong_are_no_mode() -> None:
    plain = [failure(f"t{i}", text, "the user is unhappy", signal_type=JUDGED) for i, text in enumerate((*REFUND, *PASSWORD))]
    grumbled = [replace(f, signals=(signal(words="this is wrong"),)) for f in plain]
    assert partition(run(grumbled)) == partition(run(plain))


def test_a_mode_is_named_by_what_people_wrote_without_particulars() -> None:
    rows = [written(f"t{i}", f"Help me with {i}", f"the second suitcase of order {i}4417 was not free") for i in range(4)]
    (mode,) = run(rows).modes
    assert mode.name == "“the second suitcase of order <number> was not free”"
