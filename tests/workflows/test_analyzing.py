from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.collect.intake import Rejected
from loopwright.collect.trace import Trace
from loopwright.improve.proposal import Proposal, ProposalKind
from loopwright.mine.detector import Detector
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.signal import FailureSignal
from loopwright.ports import Imported
from loopwright.workflows.analysis import QUOTED_EVIDENCE, QUOTED_FAILURES, evidence_quotes, one_offs, quoted
from loopwright.workflows.analyzing import Means, analyze, titled

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Letters:
    """Vectors from letter counts: alike texts get alike vectors."""

    name = "letters"

    def embed(self, texts: Sequence[str]) -> Any:
        counts = np.array([[t.lower().count(chr(97 + i)) for i in range(26)] for t in texts], np.float32) + 0.01
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


class Noon:
    def now(self) -> datetime:
        return START


class Given:
    """A reader of what it was given."""

    def __init__(self, *items: Trace | Rejected) -> None:
        self._items = items

    def sources(self, paths: Sequence[str]) -> list[tuple[str, int | None]]:
        return [(path, None) for path in paths]

    def read(self, paths: Sequence[str], format: str | None = None) -> Iterator[Imported | Rejected]:
        for line, item in enumerate(self._items, start=1):
            yield item if isinstance(item, Rejected) else Imported(item, paths[0], line, "chat")


class Steps:
    def __init__(self) -> None:
        self.labels: list[str] = []
        self.open = False

    def start(self, label: str, total: int | None = None) -> None:
        self.labels.append(label)
        self.open = True

    def advance(self, by: int = 1) -> None:
        pass

    def done(self) -> None:
        self.open = False


def failing(i: int, **fields: Any) -> Trace:
    return trace(
        user("I want my money back for my flight"), assistant(None, tool_call("refund", booking=f"B{i}")),
        tool_result("Error: booking not found", name="refund"), assistant("I could not find it."),
        user("That is wrong, I said B7."),
        id=f"bad-{i}", **fields,
    )  # fmt: skip


def fine(i: int, **fields: Any) -> Trace:
    return trace(user("What time is it?"), assistant("It is noon."), user("Thank you!"), id=f"good-{i}", **fields)


def means(**fields: Any) -> Means:
    return Means(**{"detectors": SHIPPED, "embedder": Letters(), "clock": Noon(), **fields})


def test_a_file_becomes_an_analysis() -> None:
    traces = [failing(i, started_at=START + timedelta(days=i)) for i in range(6)] + [fine(i) for i in range(6)]
    found = asyncio.run(analyze(Given(*traces), ["logs/a.jsonl"], means()))
    assert found.title == "a.jsonl"
    assert found.made_at == START
    assert found.failing.total == 12
    assert {f"bad-{i}" for i in range(6)} <= {f.trace_id for f in found.failures}
    assert found.failing.count == len(found.failures)
    assert found.clustering.modes[0].size == 6
    assert found.clustering.embedder == "letters"
    assert [case.mode_id for case in found.drafts] == [mode.mode_id for mode in found.clustering.modes]
    assert found.conversations["bad-0"] == traces[0].messages
    assert found.span == (START, START + timedelta(days=5))
    assert [p.rate.total for p in found.periods] == [1] * 6
    assert {d.detector for d in found.detectors} >= {d.name for d in SHIPPED}


def test_what_cannot_be_read_is_counted_and_told_and_the_rest_analysed() -> None:
    told: list[Rejected] = []
    bad = Rejected("a.jsonl", 2, "not JSON", reason="malformed JSON")
    found = asyncio.run(analyze(Given(fine(1), bad, failing(1)), ["a.jsonl"], means(refused=told.append)))
    assert told == [bad]
    assert found.intake.rejected_count == 1
    assert found.failing.total == 2


def test_nothing_read_is_an_analysis_of_nothing() -> None:
    found = asyncio.run(analyze(Given(), ["empty.jsonl"], means()))
    assert (found.failing.total, found.failures, found.clustering.modes, found.drafts, found.span) == (0, (), (), (), None)


def test_a_detector_that_raises_is_a_row_and_the_others_stand() -> None:
    def raising(trace: Trace, context: object) -> tuple[()]:
        raise KeyError(trace.trace_id)

    broken = Detector("broken", FailureSignal.HARD_ERROR, "always fails", raising)
    found = asyncio.run(analyze(Given(failing(1)), ["a"], means(detectors=(*SHIPPED, broken))))
    assert next(d.problem for d in found.detectors if d.detector == "broken").startswith("failed on 1 of the traces")
    assert found.failures


def test_each_step_shows_its_progress_and_closes_it() -> None:
    steps = Steps()
    asyncio.run(analyze(Given(failing(1)), ["a"], means(progress=steps)))
    *_, finding, grouping, drafting, preventing = steps.labels
    assert (finding, grouping, drafting) == ("finding failures", "grouping failures", "drafting cases")
    assert preventing == "looking for what the harness can prevent"
    assert not steps.open


def test_only_what_is_quoted_is_kept() -> None:
    found = asyncio.run(analyze(Given(*(failing(i) for i in range(60))), ["a"], means()))
    assert set(found.conversations) == set(quoted(found.failures, found.clustering))
    assert QUOTED_FAILURES <= len(found.conversations) < 60
    assert one_offs(found.failures, found.clustering) == []


@pytest.mark.parametrize(
    ("sources", "title"),
    [
        (["/a/b.jsonl"], "b.jsonl"), (["C:\\logs\\b.jsonl"], "b.jsonl"), (["logs/"], "logs"), (["-"], "standard input"),
        (["a", "b", "c"], "a and 2 more"), ([], "no files"),
    ],
)  # fmt: skip
def test_the_title_says_what_was_read(sources: list[str], title: str) -> None:
    assert titled(sources) == title


def test_the_conversations_that_a_proposal_quotes_are_kept() -> None:
    call, error = assistant(None, tool_call("refund", booking="B1")), tool_result("Error: timeout", name="refund")
    storms = [trace(user("refund"), *[call, error] * 6, assistant("no"), id=f"storm: {i}") for i in range(60)]
    answered = [trace(user("refund"), call, tool_result("done", name="refund"), assistant("ok"), id=f"f{i}") for i in range(60)]
    found = asyncio.run(analyze(Given(*storms, *answered), ["a"], means()))
    records = [r for r in found.proposals if r.proposal.kind is ProposalKind.RETRY_BUDGET]
    assert len(records) == 1
    quotes = evidence_quotes(records[0].proposal)
    assert len(quotes) == QUOTED_EVIDENCE
    assert {id for id, _ in quotes} <= found.conversations.keys()
    assert set(found.conversations) == set(quoted(found.failures, found.clustering, found.proposals))
    assert found.kept is None


def test_a_quote_names_the_longest_id_that_it_begins_with() -> None:
    made = Proposal(ProposalKind.RETRY_BUDGET, ("a", "a: b", "c"), quotes=("a: b: said", "a: said", "c said"))
    assert evidence_quotes(made) == [("a: b", "said"), ("a", "said"), ("", "c said")]
