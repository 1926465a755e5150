"""The six patterns, each found where it is and not where it is not, fitted and proposed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.collect.trace import Message, Step, Trace
from loopwright.guards.catalogue import GUARDS, build
from loopwright.guards.guard import STOPPED, GuardEvent, was_stopped
from loopwright.improve.patterns import detect
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.detect import MIN_TRACES, PATTERNS, find_patterns, propose
from loopwright.improve.patterns.finding import SURE, PatternFinding
from loopwright.improve.proposal import Proposal, ProposalKind

RULES = "You must obtain explicit confirmation from the user before any booking.\nYou should only make one tool call at a time."


def use(name: str, result: str | None, id: str, **arguments: Any) -> list[Message]:
    called = [assistant(None, tool_call(name, id, **arguments))]
    return called if result is None else [*called, tool_result(result, id, name)]


def talk(count: int) -> list[Message]:
    return [m for n in range(count) for m in (user(f"And then number {n}?"), assistant(f"Noted, that is item {n} done."))]


def sound(id: str) -> Trace:
    return trace(
        user("Book me the flight"),
        *use("get_booking", '{"booking": "AB12", "seat": 3}', "a", booking="AB12"),
        assistant("Shall I book it?"),
        user("Yes, please"),
        *use("verify_identity", "verified", "b"),
        *use("book_flight", '{"booking": "CD34"}', "c", flight="F1"),
        assistant("It is booked."),
        id=id,
    )


def repeated(id: str) -> Trace:
    looks = [m for n in range(4) for m in use("get_booking", '{"booking": "AB12", "seat": 3}', f"r{n}", booking="AB12")]
    return trace(user("Where do I sit?"), *looks, assistant("Seat 3."), id=id)


def contradicted(id: str) -> Trace:
    said = assistant("The cancellation fee is $50."), user("Are you sure?"), assistant("Yes. The cancellation fee is $75.")
    return trace(user("What does it cost?"), *said, id=id)


def dropped(id: str) -> Trace:
    return trace(
        user("Where do I sit, and when?"),
        *use("get_booking", '{"booking": "AB12", "seat": 3}', "a", booking="AB12"),
        *use("get_booking", None, "b", booking="XY99"),
        assistant("You sit in seat 3, and the flight leaves at noon."),
        id=id,
    )


def disobeyed(id: str) -> Trace:
    bought = use("book_flight", '{"booking": "CD34"}', "c", flight="F1")
    return trace(Message("system", RULES), *talk(5), user("What is the weather there?"), *bought, id=id)


def denied(id: str) -> Trace:
    return trace(
        user("Book"), *use("book_flight", "Error: user must be verified first", "a", flight=id), assistant("Sorry."), id=id
    )


def unknown(id: str) -> Trace:
    return trace(user("Book"), *use("reserve_flight", "Error: unknown tool reserve_flight", "a"), assistant("Sorry."), id=id)


def storm(id: str) -> Trace:
    tries = [m for n in range(4) for m in use("get_booking", "Error: 503 Service Unavailable", f"s{n}", booking="AB12")]
    return trace(user("Where do I sit?"), *tries, assistant("It does not work."), id=id)


ILL = {
    "deduplicate_calls": repeated,
    "check_consistency": contradicted,
    "pin_instructions": disobeyed,
    "scope_permissions": denied,
    "validate_tool_names": unknown,
    "retry_budget": storm,
}


def batch(kind: str, ill: int = MIN_TRACES) -> list[Trace]:
    return [sound(f"sound-{n}") for n in range(12)] + [ILL[kind](f"ill-{n}") for n in range(ill)]


def sure(traces: list[Trace]) -> list[PatternFinding]:
    return [f for f in find_patterns(traces).findings if f.confidence >= SURE]


def only(kind: str) -> Proposal:
    traces = batch(kind)
    (proposal,) = propose(traces, find_patterns(traces).findings)
    return proposal


@pytest.mark.parametrize("kind", ILL)
def test_a_pattern_is_found_where_it_is_and_nowhere_else(kind: str) -> None:
    found = sure(batch(kind))
    assert {f.kind.value for f in found} == {kind}
    assert {f.trace_id for f in found} == {f"ill-{n}" for n in range(MIN_TRACES)}
    assert all(f.quote and f.reason and f.message_index is not None for f in found)


@pytest.mark.parametrize("kind", ILL)
def test_it_is_proposed_with_its_evidence_once_it_recurs(kind: str) -> None:
    proposal = only(kind)
    assert proposal.kind is ProposalKind(kind)
    assert proposal.evidence == ("ill-0", "ill-1", "ill-2")
    assert proposal.traces == 15
    assert len(proposal.quotes) == 3
    assert proposal.rationale.startswith("In 3 of 15 traces (20.0 %) ")
    few = batch(kind, MIN_TRACES - 1)
    assert propose(few, find_patterns(few).findings) == ()


@pytest.mark.parametrize("kind", ILL)
def test_the_change_builds_its_guard(kind: str) -> None:
    assert build(kind, only(kind).change).name == kind


def test_every_kind_has_a_detector_and_a_guard() -> None:
    assert {kind.value for kind in PATTERNS} == set(GUARDS) == {kind.value for kind in ProposalKind}


def test_nothing_is_found_in_nothing() -> None:
    assert find_patterns([]).findings == ()
    assert propose([], ()) == ()
    assert sure([sound("a"), trace(id="empty"), trace(user("hi"), id="short")]) == []


def test_order_of_the_batch_changes_no_finding() -> None:
    traces = [ILL[kind](kind) for kind in ILL] + [sound(f"s{n}") for n in range(9)]
    assert {repr(f) for f in find_patterns(traces).findings} == {repr(f) for f in find_patterns(traces[::-1]).findings}


def test_deduplication_is_fitted_to_sound_traces() -> None:
    change = only("deduplicate_calls").change
    assert change == {"limit": 1, "block_after": 4, "writes": ["book_flight", "verify_identity"]}
    polls = [trace(*(m for n in range(6) for m in use("get_progress", f"{n * 10} %", f"p{n}")), id=f"poll-{n}") for n in range(2)]
    traces = [*batch("deduplicate_calls"), *polls]
    (proposal,) = propose(traces, find_patterns(traces).findings)
    assert proposal.change["exempt"] == ["get_progress"]


def test_a_write_is_learned_from_what_reads_return_after_it() -> None:
    def changed(id: str) -> Trace:
        before, after = use("get_seat", "seat 3", "a"), use("get_seat", "seat 4", "c")
        return trace(*before, *use("frobnicate", "done", "b"), *after, id=id)

    traces = [*batch("deduplicate_calls"), changed("w1"), changed("w2")]
    assert "frobnicate" in propose(traces, find_patterns(traces).findings)[0].change["writes"]


def test_what_must_come_first_is_learned_from_what_was_granted() -> None:
    assert only("scope_permissions").change == {"denials": 1, "requires": {"book_flight": ["get_booking", "verify_identity"]}}


def test_a_tool_that_is_never_granted_is_not_permitted() -> None:
    traces = [trace(*use("drop_table", "403 Forbidden", "a"), id=f"d{n}") for n in range(5)]
    (proposal,) = propose(traces, find_patterns(traces).findings)
    assert proposal.change["denied"] == ["drop_table"]


def test_names_are_fitted_with_the_tools_that_exist() -> None:
    traces = [
        *batch("validate_tool_names"),
        *[trace(*use("bookFlight", "Error: no such tool bookFlight", "a"), id=f"x{n}") for n in range(2)],
    ]
    (proposal,) = propose(traces, find_patterns(traces).findings)
    assert proposal.change["tools"] == ["book_flight", "get_booking", "verify_identity"]
    assert proposal.change["aliases"]["bookFlight"] == "book_flight"


def test_a_name_that_is_not_offered_is_found_without_any_answer() -> None:
    offered = trace(*use("book_flght", "", "a"), id="o", attributes={"tools": [{"function": {"name": "book_flight"}}]})
    (finding,) = sure([offered])
    assert finding.details == {"tool": "book_flght", "near": "book_flight", "meant": ""}


def test_a_rare_name_that_does_what_a_usual_one_does_is_found() -> None:
    slip = trace(*use("fetch_booking", '{"booking": "EF56", "seat": 9}', "a", booking="EF56"), id="slip")
    found = sure([sound(f"s{n}") for n in range(30)] + [slip])
    assert [(f.trace_id, f.details["near"]) for f in found] == [("slip", "get_booking")]


def test_a_result_that_never_came_is_a_matter_of_consistency() -> None:
    traces = [sound(f"s{n}") for n in range(5)] + [dropped(f"d{n}") for n in range(3)]
    assert {(f.trace_id, f.kind.value) for f in sure(traces)} == {(f"d{n}", "check_consistency") for n in range(3)}
    (proposal,) = propose(traces, find_patterns(traces).findings)
    assert (proposal.change["said"], proposal.change["found"]) == (False, False)


def test_several_agents_may_differ() -> None:
    said = [Message("assistant", f"The total price is ${n}0.", name=name) for n, name in enumerate(("solver", "critic"), 1)]
    assert sure([trace(user("How much?"), *said, id=f"t{n}") for n in range(4)]) == []


def test_the_budget_allows_what_sound_traces_needed() -> None:
    slow = [
        trace(
            *use("get_booking", "Error: busy", "a"),
            *use("get_booking", "Error: busy", "b"),
            *use("get_booking", "ok", "c"),
            id=f"w{n}",
        )
        for n in range(4)
    ]
    traces = [*batch("retry_budget"), *slow]
    (proposal,) = propose(traces, find_patterns(traces).findings)
    assert proposal.change == {"per_tool": 3, "per_session": 5, "cooldown_seconds": 30.0}


def test_a_user_between_failures_breaks_the_row() -> None:
    asked = [
        m
        for n in range(4)
        for m in (*use("find", "Error: not found", f"f{n}", code=n), assistant("Which one?"), user(f"Try {n}"))
    ]
    assert [f for f in sure([trace(*asked, id="t"), sound("s")]) if f.kind is ProposalKind.RETRY_BUDGET] == []


def test_traces_of_spans_alone_are_read() -> None:
    steps = tuple(Step(f"s{n}", "tool", "get_booking", input={"id": 1}, output="seat 3") for n in range(3))
    (finding,) = sure([Trace("spans", steps=steps)])
    assert (finding.kind, finding.message_index) == (ProposalKind.DEDUPLICATE_CALLS, None)


def test_a_name_stands_for_the_tool_that_takes_the_same_and_does_alike() -> None:
    good = [
        trace(
            *use("find_ticket", '{"ticket": "T1"}', "a", ticket="T1"),
            *use("close_ticket", "closed", "b", ticket="T1"),
            id=f"g{n}",
        )
        for n in range(9)
    ]
    lost = "there is no tool '{}'"
    wrong = [
        trace(*use("get_ticket", lost.format("get_ticket"), "a", ticket="T2"),
              *use("resolve_ticket", '{"error": "unknown_tool", "message": "no"}', "b", key=2),
              *use("remove_ticket", lost.format("remove_ticket"), "c", ticket="T3"), id=f"w{n}")
        for n in range(3)
    ]  # fmt: skip
    (proposal,) = propose([*good, *wrong], find_patterns([*good, *wrong]).findings)
    assert proposal.kind is ProposalKind.VALIDATE_TOOL_NAMES
    assert proposal.change["aliases"] == {"get_ticket": "find_ticket", "remove_ticket": "close_ticket"}


@pytest.mark.parametrize(
    "said", ["there is no tool 'lookup'", '{"error": "unknown_tool", "message": "lookup"}', "Error: function_not_found"]
)
def test_a_tool_that_the_answer_denies_is_none(said: str) -> None:
    missing = [trace(*use("lookup", said, "a", key=n), id=f"m{n}") for n in range(3)]
    assert {f.kind.value for f in sure([sound("s"), *missing])} == {"validate_tool_names"}


def test_what_failed_in_between_is_not_polling() -> None:
    slow = [
        trace(*use("read_meter", "Error: timed out", "a", meter=n), *use("read_meter", "12 kWh", "b", meter=n), id=f"slow{n}")
        for n in range(4)
    ]
    again = [trace(*[m for k in range(4) for m in use("read_meter", "12 kWh", f"r{k}", meter=7)], id=f"r{n}") for n in range(3)]
    (proposal,) = propose([*slow, *again], find_patterns([*slow, *again]).findings)
    assert proposal.kind is ProposalKind.DEDUPLICATE_CALLS
    assert "exempt" not in proposal.change
    assert proposal.change["limit"] == 1


def test_one_change_unseen_among_many_repeats_is_not_polling() -> None:
    def reads(id: str, *results: str) -> Trace:
        return trace(*[m for k, result in enumerate(results) for m in use("read_meter", result, f"{id}{k}", meter=1)], id=id)

    steady = [reads(f"steady{n}", "12 kWh", "12 kWh") for n in range(60)]
    odd = [reads("odd1", "12 kWh", "13 kWh"), reads("odd2", "12 kWh", "13 kWh")]
    again = [reads(f"again{n}", *["12 kWh"] * 4) for n in range(3)]
    (proposal,) = propose([*steady, *odd, *again], find_patterns([*steady, *odd, *again]).findings)
    assert "exempt" not in proposal.change


def test_calls_that_a_guard_stopped_were_not_made_unless_they_are_insisted_on() -> None:
    def stopped(id: str, times: int) -> Trace:
        ran = [m for k in range(2) for m in use("read_meter", "12 kWh", f"{id}{k}", meter=1)]
        told = json.dumps({"blocked": f"{STOPPED}read_meter was called with these arguments 3 times"})
        return trace(*ran, *[m for k in range(times) for m in use("read_meter", told, f"{id}s{k}", meter=1)], id=id)

    assert sure([stopped("once", 1), stopped("twice", 2)]) == []
    (finding,) = sure([stopped("on and on", 4)])
    assert finding.kind is ProposalKind.DEDUPLICATE_CALLS


def test_each_guard_says_that_it_stopped_the_call() -> None:
    shown = {
        "deduplicate_calls": ({"limit": 1}, "12 kWh", None),
        "scope_permissions": ({"denials": 1}, None, "permission denied"),
        "retry_budget": ({"per_tool": 1}, None, "timed out"),
        "validate_tool_names": ({"tools": ["write_meter"]}, "", None),
    }
    for name, (change, result, error) in shown.items():
        guard, payload = build(name, change), {"id": "a", "name": "read_meter", "arguments": {}}
        state, _ = guard.step(guard.initial(), GuardEvent("tool_call", payload), 0.0)
        state, _ = guard.step(state, GuardEvent("tool_result", {**payload, "result": result, "error": error}), 1.0)
        _, decision = guard.step(state, GuardEvent("tool_call", payload), 2.0)
        assert decision.action != "allow"
        assert was_stopped(decision.reason), name


def test_a_detector_that_fails_on_a_trace_is_a_fault_and_the_others_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
        if one.trace.trace_id == "ill-1":
            raise ZeroDivisionError("no")
        yield from before(one, batch)

    kind = ProposalKind.RETRY_BUDGET
    before = PATTERNS[kind].detect
    monkeypatch.setattr(detect, "PATTERNS", {**PATTERNS, kind: replace(PATTERNS[kind], detect=fails)})
    found = find_patterns(batch("retry_budget"))
    assert [(f.detector, f.trace_id, f.problem) for f in found.faults] == [("retry_budget", "ill-1", "ZeroDivisionError: no")]
    assert {f.trace_id for f in found.findings if f.kind is kind} == {"ill-0", "ill-2"}


def only_in(one: Trace, *others: Trace) -> list[tuple[str, float, int | None]]:
    found = find_patterns([one, *others, *(sound(f"sound-{n}") for n in range(12))]).findings
    return [(f.kind.value, f.confidence, f.message_index) for f in found if f.trace_id == one.trace_id]


def failing_call(id: str, error: str = "Error: no such order") -> list[Message]:
    return use("get_order", error, id, order=7)


def test_two_of_a_kind_are_weak() -> None:
    twice = trace(user("hi"), *use("get_order", "open", "a", order=1), *use("get_order", "open", "b", order=1), id="twice")
    assert only_in(twice) == [("deduplicate_calls", 0.3, 3)]
    failed = trace(user("hi"), *failing_call("a"), *failing_call("b"), assistant("It fails."), id="failed")
    assert ("retry_budget", 0.3, 4) in only_in(failed)


def test_a_call_that_fails_as_before_the_user_spoke_is_weak() -> None:
    again = trace(user("order 7"), *failing_call("a"), assistant("Which?"), user("The 8th"), *failing_call("b"), id="again")
    assert ("retry_budget", 0.3, 6) in only_in(again)
    other = trace(
        user("order 7"), *failing_call("a"), assistant("Which?"), user("8"), *failing_call("b", "Error: closed"), id="other"
    )
    assert not any(kind == "retry_budget" for kind, _, _ in only_in(other))


def test_calls_of_one_message_are_one_attempt() -> None:
    called = assistant(None, *(tool_call("get_order", id, order=id) for id in "abc"))
    together = trace(user("hi"), called, *(tool_result("Error: no such order", id, "get_order") for id in "abc"), id="together")
    assert not any(kind == "retry_budget" for kind, _, _ in only_in(together))


def test_a_first_result_that_never_came_is_seen_by_who_knows_the_whole() -> None:
    called = assistant(None, tool_call("get_order", "a", order=1))
    later = use("get_order", "open", "b", order=2)
    dropped = trace(user("hi"), called, assistant("Order 1 is on its way."), user("and 2?"), *later, id="d")
    assert ("check_consistency", 0.6, 2) in only_in(dropped)
    silent = trace(user("hi"), called, assistant("Order 1 is on its way."), id="no results told")
    assert only_in(silent, dropped) == []


def test_a_name_that_is_rare_among_rare_ones_is_no_slip() -> None:
    many = [trace(user("hi"), *use(f"get_{n}_report", "{}", "a", day=1), id=f"many-{n}") for n in range(30)]
    known = [trace(user("hi"), *use("get_report", '{"a": 1}', "a", day=1), id=f"known-{n}") for n in range(6)]
    found = find_patterns([*many, *known]).findings
    assert not any(f.kind is ProposalKind.VALIDATE_TOOL_NAMES for f in found)


def test_a_tool_that_fails_by_its_own_words_exists() -> None:
    odd = trace(
        user("hi"), *use("inspect_case", "Error: ValueError: no record matches", "a", case=1), assistant("Sorry."), id="odd"
    )
    assert not any(kind == "validate_tool_names" for kind, _, _ in only_in(odd))
