from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from builders import assistant, trace, user
from loopwright import wiring
from loopwright.collect.trace import Trace
from loopwright.mine.detectors import SHIPPED
from loopwright.settings import load
from loopwright.workflows.mining import embed_needs, mine_store, mine_traces

FIRST, SECOND = "How do I get my money back?", "What is the procedure for reimbursement, please?"
ASKED = trace(user(FIRST), assistant("We value you."), user(SECOND), assistant("We do."), id="asked")


class OneDirection:
    """An embedder to which all texts mean the same."""

    name = "one-direction"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.texts += texts
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))


def test_an_embedder_lets_detectors_use_meaning():
    without = asyncio.run(mine_traces([ASKED], SHIPPED))
    with_meaning = asyncio.run(mine_traces([ASKED], SHIPPED, embedder=OneDirection()))
    assert not [s for f in without.failures for s in f.signals if s.detector == "user_reask"]
    assert [s.where.message_index for f in with_meaning.failures for s in f.signals if s.detector == "user_reask"] == [2]


def test_each_text_is_embedded_once_and_only_what_detectors_ask_for():
    embedder = OneDirection()
    calm = trace(user("Hi"), assistant("Hello."), id="calm")
    assert embed_needs([ASKED, ASKED, calm], SHIPPED, embedder).keys() == {FIRST, SECOND}
    assert embedder.texts == [FIRST, SECOND]
    assert embed_needs([calm], SHIPPED, OneDirection()) == {}


def test_how_a_session_ends_counts_once_it_is_over(tmp_path):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def said(id: str, session: str | None, ended: datetime | None) -> Trace:
        return replace(trace(user("Where is my refund?"), id=id), session_id=session, started_at=None, ended_at=ended)

    traces = [
        said("over", "one", noon),
        said("open", "two", noon),
        said("on", "two", noon + timedelta(minutes=20)),
        said("no", None, None),
    ]

    def ends(at: datetime | None, quiet: timedelta = timedelta(minutes=30)) -> tuple[set[str], int]:
        mined = asyncio.run(mine_store(store, SHIPPED, at=at, session_quiet=quiet))
        assert store.failures() == list(mined.failures)
        return {f.trace_id for f in mined.failures for s in f.signals if s.detector == "unresolved_end"}, mined.going_on

    everything = {"over", "open", "on", "no"}
    with wiring.store(load(start=tmp_path)) as store:
        store.put_traces(traces)
        assert ends(None) == (everything, 0)
        assert ends(noon + timedelta(minutes=31)) == ({"over", "no"}, 2)
        assert ends(noon + timedelta(minutes=51)) == (everything, 0)
        assert ends(noon + timedelta(minutes=31), timedelta(minutes=5)) == (everything, 0)
