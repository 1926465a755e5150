from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from gate_decisions import HOSTILE, approved, blocked, lost, undecided
from loopwright.collect.intake import printable
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Overridden
from loopwright.gate.exchange import decision_record
from loopwright.gate.override import OverrideRate
from loopwright.surfaces.reports.gate_markdown import gate_markdown
from loopwright.surfaces.reports.gate_page import gate_page

NO_BREAK = chr(0xA0)


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data.replace(NO_BREAK, " ")

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def page(decision: GateDecision) -> Page:
    return Page(gate_page(decision))


def test_before_and_now_are_drawn_where_they_are() -> None:
    marks = [(a["class"], a["cx"]) for tag, a in page(blocked([])).tags if tag == "circle"]
    assert marks[:4] == [("now", "40.00%"), ("was", "100.00%"), ("now", "0.00%"), ("was", "100.00%")]
    assert len(marks) == 2 * (2 + 12)
    assert "8 cases passed as often as before, and are not shown." in page(blocked([])).text


def test_the_verdict_and_the_reasoning_are_told() -> None:
    told = page(lost()).text
    assert "one failure is proof, and no chance is computed" in told
    assert "blocked\na deterministic case that passed fails" in told
    assert "more trial would tell" not in told
    assert "case-0 was solved and failed now" in page(undecided()).text
    assert page(approved()).count("circle") == 2
    assert "there are no baseline results" in page(decide([], [])).text
    override = Overridden(("o-1",), ("Ada",), ("the customer waits",), datetime(2026, 12, 31, tzinfo=UTC))
    assert "Overridden by Ada until 2026-12-31" in page(replace(lost(), override=override)).text


def test_the_override_rate_stands_beside_the_decision() -> None:
    decision = lost()
    rate = OverrideRate(1, 8, 0.003, 0.527)._asdict()
    told = "1 of 8 decisions overridden so far (12.5 %, 95 % interval 0.3 % to 52.7 %)."
    decision = replace(decision, statistics=decision.statistics | {"overrides": rate}, decision_id="decision-1")
    assert f"Recorded as decision-1. {told}" in page(decision).text
    assert told in gate_markdown(decision)
    assert decision_record(decision)["statistics"]["overrides"] == rate
    assert "overridden so far" not in page(lost()).text + gate_markdown(lost())


def test_production_text_is_text() -> None:
    plain, hostile = page(blocked([f"name {i}" for i in range(len(HOSTILE))])), page(blocked())
    assert sorted(tag for tag, _ in plain.tags) == sorted(tag for tag, _ in hostile.tags)
    assert all(printable(name)[:50] in hostile.text for name in HOSTILE)


def test_many_cases_are_counted() -> None:
    found = page(blocked([f"name {i}" for i in range(12)]))
    assert found.count("tr") == 1 + 2 + 1 + 12
    before, after = ([result(f"case-{i}", passed) for i in range(300)] for passed in (True, False))
    assert "and 200 more cases that changed" in page(decide(before, after)).text


@settings(derandomize=True, max_examples=30, deadline=None)
@given(st.text(min_size=1))
def test_any_text_keeps_the_page_whole(text: str) -> None:
    found = page(replace(lost(f"x{text}"), notes=(text,), decision_id=text))
    assert found.count("h2") == 3
    assert found.count("li") == 1
