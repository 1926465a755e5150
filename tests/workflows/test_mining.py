from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from builders import assistant, trace, user
from loopwright.mine.detectors import SHIPPED
from loopwright.workflows.mining import embed_needs, mine_traces

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
