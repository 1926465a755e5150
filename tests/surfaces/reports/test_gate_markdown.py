from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from builders import result
from gate_decisions import approved, blocked, lost, undecided
from loopwright.gate.decide import decide
from loopwright.gate.decision import Overridden
from loopwright.surfaces.reports.gate_markdown import COMMENT, gate_markdown


def rendered(text: str) -> str:
    """What a Markdown reader makes of it, tables and struck text as GitHub has them."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)


def test_the_verdict_stands_first_and_the_tables_hold_the_counts() -> None:
    text = gate_markdown(blocked([]))
    assert text.startswith("## Gate: blocked\n\nBlocked: the suite's pass rate fell")
    assert "| suite | <code>all cases</code> | 60 of 60 | 24 of 60 |" in text
    assert rendered(text).count("<table>") == 4
    assert gate_markdown(approved()).startswith("## Gate: approved\n")
    assert "| deterministic | <code>case-0</code> | 1 of 1 | 0 of 1 | one failure is proof |" in gate_markdown(lost())


def test_what_would_decide_is_told() -> None:
    text = gate_markdown(undecided())
    assert text.startswith("## Gate: undecided\n")
    assert "| <code>case-0</code> | 1 |" in text
    assert "<summary>New, not compared: 1 case</summary>" in text


def test_production_text_is_no_markup_no_mention_and_no_link() -> None:
    html = rendered(gate_markdown(blocked()))
    for wrong in ("<img", "<script", "<em>", "<a ", "onerror=alert(1)>", "</details></code>"):
        assert wrong not in html
    assert "<strong>b" not in html
    assert html.count("<details>") == html.count("</details>")
    tables = html.split("<table>")[1:]
    assert all(len({row.count("<td>") for row in table.split("<tr>")[2:]}) == 1 for table in tables)


def test_a_mention_in_a_sentence_calls_nobody() -> None:
    text = gate_markdown(lost("@team #12"))
    assert "@team" not in rendered(text).replace("<code>@team", "")
    decision = replace(lost(), notes=("ask @team about #12 and <b>this</b>",))
    html = rendered(gate_markdown(decision))
    assert "@\u200bteam about #\u200b12 and &lt;b&gt;this" in html


def test_it_keeps_to_the_limit_and_counts_what_is_left_out() -> None:
    names = [f"{'long ' * 60}{i}" for i in range(400)]
    decision = decide([result(n) for n in names], [result(n, False) for n in names])
    text = gate_markdown(decision)
    assert len(text.encode()) <= COMMENT
    assert "and 350 more" in text
    short = gate_markdown(decision, 4000)
    assert len(short.encode()) <= 4000
    assert re.search(r"\nand (399|39[0-9]|400) more\n", short)
    assert gate_markdown(decision, 10) == ""


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.text(min_size=1), st.integers(300, 5000))
def test_any_text_keeps_the_page_whole(text: str, limit: int) -> None:
    decision = replace(lost(f"x{text}"), notes=(text,), commands=(f"run {text}",))
    page = gate_markdown(decision)
    assert "\n| deterministic | <code>x" in page
    assert all(char == "\n" or char.isprintable() or char == "\u200b" for char in page)
    assert len(gate_markdown(decision, limit).encode()) <= limit
    assert rendered(page).count("<table>") == 1


def test_an_override_is_told() -> None:
    override = Overridden(("o-1",), ("Ada",), ("the customer waits",), datetime(2026, 12, 31, tzinfo=UTC))
    text = gate_markdown(replace(lost(), override=override))
    assert text.startswith("## Gate: blocked, and overridden\n")
    assert "**Overridden by Ada until 2026-12-31, and ships: the customer waits.**" in text


def test_hostile_names_are_all_there() -> None:
    html = rendered(gate_markdown(blocked()))
    assert all(part in html for part in ("::error file=x::boo", "|b`c`", "4,700 more characters", "\\x1b[31mred"))
