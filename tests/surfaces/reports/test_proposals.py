from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from html import escape, unescape

import pytest

from builders import assistant, tool_call, tool_result, user
from loopwright.audit.rules import Breach
from loopwright.improve.proposal import Proposal, ProposalKind, ProposalRecord, ProposalStatus, Replay
from loopwright.surfaces.reports.failures import FailureRows
from loopwright.surfaces.reports.page import render
from loopwright.surfaces.reports.proposals import ProposalRow, proposal_rows
from loopwright.workflows.analysis import Analysis

Make = Callable[..., Analysis]
TALK = (
    user("Please cancel my booking"), assistant(None, tool_call("cancel", booking="B7")),
    tool_result('{"error": "timeout", "message": "no answer in time"}'), assistant("It failed."),
    assistant(None, tool_call("cancel", booking="B7")),
    tool_result('{"error": "timeout", "message": "no answer in time"}'), assistant("It failed again."),
)  # fmt: skip


def rows_of(analysis: Analysis) -> list[ProposalRow]:
    return proposal_rows(analysis, FailureRows(analysis))


def section(html: str, name: str) -> str:
    return html.split(f'<section aria-labelledby="{name}">')[1].partition("</section>")[0].replace("\u00a0", " ")


def storm(*quotes: str) -> ProposalRecord:
    return ProposalRecord(
        Proposal(
            ProposalKind.RETRY_BUDGET, ("t0", "t1", "t2"), {"per_tool": 2}, quotes=quotes, traces=27, replay=Replay(3, 3, 1, 24)
        )
    )


def test_a_proposal_of_files_has_its_change_in_shadow_its_evidence_and_its_replay(analysis: Make) -> None:
    made = replace(analysis(), proposals=(storm("t0: “Error: reservation not found” (get_reservation failed 4 times)"),))
    shown = section(render(made), "proposals")
    assert "Give retries a budget, and tools a circuit breaker" in shown
    assert "in <b>3</b> of 27 traces (11.1 %)" in shown
    assert "<b>3</b> of 3" in shown
    assert "<b>1</b> of 24" in shown
    assert "get_reservation failed 4 times" in shown
    assert 'href="#failure-1"' in shown
    (row,) = rows_of(made)
    assert tomllib.loads(row.table)["guards"]["retry_budget"] == {"mode": "shadow", "per_tool": 2}
    assert "verification" not in section(render(made), "proposals").split("<table")[1].partition("</table>")[0]
    assert "loopwright improve detect" in section(render(made), "next")


def test_none_is_told_with_what_was_looked_for(analysis: Make, whole: Make) -> None:
    shown = section(render(analysis()), "proposals")
    assert "None: no failure pattern that the harness can prevent" in shown
    assert "failing tools are called again and again" in shown
    empty = section(render(replace(whole(), proposals=())), "proposals")
    assert "The store holds no proposals." in empty
    assert "loopwright improve detect" in empty


def test_what_a_rule_refuses_is_told_with_its_name(analysis: Make) -> None:
    refused = ((storm().proposal, (Breach("a guard has only its own parameters", "<b>path</b> is none"),)),)
    shown = section(render(replace(analysis(), refused=refused)), "proposals")
    assert "A proposal of <code>retry_budget</code> is refused by a rule. a guard has only its own parameters" in shown
    assert "&lt;b&gt;path&lt;/b&gt; is none" in shown


@pytest.mark.parametrize(
    ("quote", "place"),
    [
        ("t0: “timeout: no answer in time” (cancel failed twice)", 5),
        ("t0: cancel “B7” (cancel is called again)", 4),
        ("t0: “Please  cancel my…” (the user asks)", 0),
        ("t0: “nobody said this” (odd)", None),
        ("t0: words without marks", None),
        ("t0: ", None),
    ],
)
def test_the_quoted_message_is_pinned(analysis: Make, quote: str, place: int | None) -> None:
    made = replace(analysis(conversations={"t0": TALK}), proposals=(storm(quote),))
    ((row,),) = [one.quotes for one in rows_of(made)]
    assert row.trace_id == "t0"
    assert row.excerpt is not None
    assert [turn.index for _, turn in row.excerpt.turns if turn.pinned] == ([] if place is None else [place])


def test_a_quote_of_no_known_trace_is_shown_without_a_conversation(analysis: Make) -> None:
    ((row,),) = [one.quotes for one in rows_of(replace(analysis(), proposals=(storm("t9: said (seen)"),)))]
    assert (row.trace_id, row.excerpt, row.rank, row.href) == ("", None, 0, "")
    assert "The conversation is not at hand." in render(replace(analysis(), proposals=(storm("t9: said (seen)"),)))


def test_in_a_store_each_has_its_verification_its_status_and_what_comes_next(whole: Make) -> None:
    made = whole()
    by_status = {row.status: row for row in rows_of(made)}
    assert set(by_status) == {status.value.replace("_", " ") for status in ProposalStatus}
    assert by_status["open"].command.startswith("loopwright improve verify proposal-")
    assert by_status["verified"].command.startswith("loopwright improve approve proposal-")
    assert by_status["approved"].command.startswith("loopwright improve apply proposal-")
    assert by_status["applied"].command.startswith("loopwright improve rollback proposal-")
    assert by_status["rejected"].command == by_status["rolled back"].command == ""
    assert by_status["open"].verdict == "not verified"
    helping = by_status["verified"]
    assert (helping.verdict, helping.tone) == ("helping", "good")
    assert [m.name for m in helping.measures] == ["failure rate", "success rate", "runtime", "cost"]
    failure, success, runtime, cost = helping.measures
    assert (failure.without, failure.with_, failure.tone) == ("9.9\u00a0%", "0\u00a0%", "good")
    assert (failure.change, failure.between) == ("−9.9 points", "−14.5 to −6.6 points")
    assert success.tone == ""
    assert (runtime.without, runtime.change, runtime.between) == ("26.67 s", "−2.78 s", "−4.48 s to −1.08 s")
    assert (cost.without, cost.drawn) == ("not told", None)
    assert "applied by I want my money back, 2026-02-09 00:00 UTC" in render(made)


def test_what_is_applied_is_shown_as_it_stands_and_what_is_not_as_it_would(whole: Make) -> None:
    made = whole()
    applied = made.proposals[4]
    assert applied.status is ProposalStatus.APPLIED
    tables = {row.status: row.table for row in rows_of(made)}
    assert tomllib.loads(tables["applied"])["guards"]["validate_tool_names"]["mode"] == "enforce"
    assert made.kept is not None
    written = replace(made.kept, tables={applied.proposal.proposal_id: {"mode": "shadow", "tools": ["a"]}})
    standing = {row.status: row.table for row in rows_of(replace(made, kept=written))}["applied"]
    assert tomllib.loads(standing)["guards"]["validate_tool_names"] == {"mode": "shadow", "tools": ["a"]}
    assert tomllib.loads(tables["open"])["guards"]["deduplicate_calls"]["mode"] == "enforce"


def test_a_change_that_makes_no_guard_is_shown_with_the_reason(whole: Make) -> None:
    (table,) = (row.table for row in rows_of(whole()) if row.kind == "retry_budget")
    assert table.startswith("# ")
    assert "no such key" in table


def test_what_waits_for_a_person_comes_first_and_what_helps_before_what_does_not(whole: Make) -> None:
    assert [row.status for row in rows_of(whole())] == ["verified", "open", "approved", "applied", "rejected", "rolled back"]


def test_many_proposals_are_bounded_and_counted(whole: Make) -> None:
    made = whole()
    many = tuple(replace(r, proposal=replace(r.proposal, mode_id=f"m{i}")) for i in range(10) for r in made.proposals)
    shown = section(render(replace(made, proposals=many)), "proposals")
    assert "The first 24 of 60" in shown
    assert shown.count("<article") == 24


def test_a_huge_change_is_cut(analysis: Make) -> None:
    record = storm()
    big = replace(
        record, proposal=replace(record.proposal, kind=ProposalKind.VALIDATE_TOOL_NAMES, change={"tools": ["x" * 900] * 50})
    )
    (row,) = rows_of(replace(analysis(), proposals=(big,)))
    assert len(row.table) < 6_100
    assert row.table.endswith("longer than a page should quote")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "{{ 777 * 111 }}", "\x1b[2J\u202e", "</pre></code>&amp;"])
def test_production_text_is_text_in_every_new_section(whole: Make, text: str) -> None:
    html = render(whole(text))
    assert "<script>alert" not in html
    assert "</pre></code>&amp;<" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    for name in ("proposals", "releases", "production", "trail"):
        shown = section(html, name)
        assert "86247" not in shown
        if "<" in text:
            assert escape(text, quote=False) in shown
            assert text in unescape(shown)
