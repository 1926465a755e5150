from __future__ import annotations

import pytest

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.collect.trace import Message, ToolCall
from loopwright.improve.patterns.detect import find_patterns
from loopwright.improve.patterns.finding import SURE, PatternFinding
from loopwright.improve.patterns.instructions import Turn, read_instructions
from loopwright.improve.proposal import ProposalKind

TOOLS = frozenset({"book_flight", "cancel_flight", "get_seat", "transfer_to_human"})
WRITES = frozenset({"book_flight", "cancel_flight", "transfer_to_human"})
LONG = "This is a long answer with many words in it. " * 6

SPOKEN = [
    ('Never say "guarantee" to a customer.', "I guarantee it.", "It will do."),
    ("Always end your replies with 'Anything else?'", "Done.", "Done. Anything else?"),
    ("Do not offer lounge access.", "You may add lounge access.", "You may add a bag."),
    ("Please don't mention travel insurance again.", "Travel insurance is $30.", "Bags are $30."),
    ("Reply in lower case only.", "Sure.", "sure."),
    ("Write your answers in all caps.", "Sure.", "SURE."),
    ("Do not use emojis.", "Great 😀", "Great"),
    ("Answer without markdown.", "**Great**", "Great"),
    ("Avoid exclamation marks.", "Great!", "Great"),
    ("Always respond with valid JSON.", "Sure", '{"ok": true}'),
    ("Keep every answer under 20 words.", LONG, "Short."),
    ("Reply in at most two sentences.", "One. Two. Three.", "One. Two."),
    (
        "Respond in English.",
        "Claro, he revisado los datos de su reserva y no es posible.",
        "I have looked at your booking and it is not possible.",
    ),
]


def one(line: str, by_user: bool = False) -> object:
    (instruction,) = read_instructions(line, 0, TOOLS, by_user)
    return instruction.broken


def turn(text: str = "", *names: str, asked: str = "") -> Turn:
    return Turn(text, tuple(ToolCall("c", name) for name in names), asked, WRITES)


@pytest.mark.parametrize(("line", "bad", "good"), SPOKEN)
def test_what_is_said_is_held_against_it(line: str, bad: str, good: str) -> None:
    broken = one(line)
    assert broken(turn(bad)) is True  # type: ignore[operator]
    assert broken(turn(good)) is False  # type: ignore[operator]
    assert broken(turn("", "get_seat")) is None  # type: ignore[operator]


@pytest.mark.parametrize(
    ("line", "bad", "good"),
    [
        ("Never call the cancel_flight tool.", turn("", "cancel_flight"), turn("", "book_flight")),
        (
            "You must obtain user confirmation before booking.",
            turn("", "book_flight", asked="Hm?"),
            turn("", "book_flight", asked="Yes"),
        ),
        ("Make only one tool call at a time.", turn("", "get_seat", "get_seat"), turn("", "get_seat")),
    ],
)
def test_what_is_called_is_held_against_it(line: str, bad: Turn, good: Turn) -> None:
    assert one(line)(bad) is True  # type: ignore[operator]
    assert one(line)(good) is False  # type: ignore[operator]


def test_handing_over_and_reading_need_no_word_from_the_user() -> None:
    broken = one("You must obtain user confirmation before booking.")
    assert broken(turn("", "transfer_to_human", asked="Hm?")) is None  # type: ignore[operator]
    assert broken(turn("", "get_seat", asked="Hm?")) is None  # type: ignore[operator]


def test_what_the_user_does_not_want_is_not_done() -> None:
    broken = one("I don't want you to cancel my flight.", by_user=True)
    assert broken(turn("", "cancel_flight", asked="What now?")) is True  # type: ignore[operator]
    assert broken(turn("", "cancel_flight", asked="Fine, cancel it.")) is False  # type: ignore[operator]
    declined = one("I do not need travel insurance.", by_user=True)
    assert declined(turn("I have added travel insurance.")) is True  # type: ignore[operator]
    assert declined(turn("Bags are free.")) is False  # type: ignore[operator]


@pytest.mark.parametrize(
    "line",
    [
        "If asked, never say 'no'.",
        "Never offer a refund unless the flight was cancelled.",
        "Be nice.",
        "Do you always do that?",
        "",
    ],
)
def test_what_cannot_be_checked_is_left_alone(line: str) -> None:
    assert list(read_instructions(line, 0, TOOLS)) == []


def found(*texts: str, rule: str = "Reply in lower case only.") -> list[PatternFinding]:
    turns = [m for text in texts for m in (user("go on"), assistant(text))]
    traces = [trace(Message("system", rule), *turns)]
    return [f for f in find_patterns(traces).findings if f.kind is ProposalKind.PIN_INSTRUCTIONS]


def test_late_after_keeping_is_surest_early_too_is_another_matter() -> None:
    assert [f.confidence for f in found(*["fine"] * 5, "Fine")] == [0.8]
    assert [f.confidence for f in found("Fine", *["fine"] * 4, "Fine")] == [0.3]
    assert [f.confidence for f in found("fine", "Fine", "fine")] == [0.3]


def test_a_rule_denied_late_is_found() -> None:
    said = found(*["fine"] * 5, "Basic economy flights can be modified.", rule="Basic economy flights cannot be modified.")
    assert [f.message_index for f in said] == [12]


def test_standing_instructions_of_the_user_count_at_any_time() -> None:
    turns = [m for n in range(6) for m in (user("go on"), assistant("You may add lounge access." if n == 5 else "fine"))]
    later = trace(
        user("hi"), assistant("hi"), user("ok"), assistant("ok"), user("From now on, do not offer lounge access."), *turns
    )
    once = trace(user("hi"), assistant("hi"), user("ok"), assistant("ok"), user("Now do not offer lounge access."), *turns)
    assert [f.details["by_user"] for f in find_patterns([later]).findings] == [True]
    assert find_patterns([once]).findings != find_patterns([later]).findings


def test_calls_are_quoted_with_what_the_user_said() -> None:
    calm = [m for _ in range(5) for m in (user("go on"), assistant("fine"))]
    rule = Message("system", "You must obtain user confirmation before booking.")
    booked = trace(rule, *calm, user("What is the weather?"), assistant(None, tool_call("book_flight")))
    (finding,) = [f for f in find_patterns([booked]).findings if f.kind is ProposalKind.PIN_INSTRUCTIONS]
    assert finding.quote == "book_flight is called, after the user said “What is the weather?”"


@pytest.mark.parametrize(
    "rule",
    [
        "Never order, return or exchange anything without the customer's explicit yes.",
        "You must not delete records without first asking for confirmation.",
        "Ask the patient for confirmation before any change.",
    ],
)
def test_a_change_needs_a_yes(rule: str) -> None:
    (instruction,) = read_instructions(rule, 0, TOOLS)
    assert instruction.broken(turn("", "book_flight", asked="The 3rd of May, 1980."))
    assert not instruction.broken(turn("", "book_flight", asked="Yes, do it."))


@pytest.mark.parametrize(
    "rule",
    [
        "Before an order is sent, the address is checked; vouchers also need the approval of the desk.",
        "Large refunds need approval by a supervisor before they are paid.",
    ],
)
def test_a_right_that_others_give_is_no_word_of_the_user(rule: str) -> None:
    assert list(read_instructions(rule, 0, TOOLS)) == []


def test_identifying_the_user_is_no_change() -> None:
    (instruction,) = read_instructions("You must obtain user confirmation before any change.", 0, TOOLS)
    given = Turn("", (ToolCall("c", "verify_identity"),), "1980-05-03", frozenset({"verify_identity"}))
    assert instruction.broken(given) is None


def test_an_answer_after_a_yes_is_no_breach_and_a_yes_to_another_question_is_none() -> None:
    asks = [assistant("It comes to $20. Shall I order it?")]
    rule = Message("system", "Never order anything without the customer's explicit yes.")
    calm = [m for _ in range(4) for m in (user("go on"), assistant("fine"))]
    birth = [assistant("What is your date of birth?"), user("1980-05-03")]
    order = [assistant(None, tool_call("order_item", "a")), tool_result("ordered", "a", "order_item")]
    agreed = trace(rule, *calm, user("the blue one"), *asks, user("Yes."), *birth, *order, id="agreed")
    never = trace(rule, *calm, user("the blue one"), *birth, *order, id="never")
    failed = [assistant(None, tool_call("order_item", "b")), tool_result("Error: 503", "b", "order_item")]
    tried = trace(rule, *calm, user("the blue one"), *birth, *failed, id="tried")
    found = [f for f in find_patterns([agreed, never, tried]).findings if f.confidence >= SURE]
    assert [f.trace_id for f in found] == ["never"]


def test_a_limit_is_evidence_once_it_was_kept_and_then_broken() -> None:
    def dinner(*courses: str) -> list[PatternFinding]:
        talk = [m for course in courses for m in (user("And then?"), assistant(f"There is: 1) {course} 2) rice"))]
        return find_patterns([trace(user("Book a table. No nuts please."), assistant("Of course."), *talk)]).findings

    assert [f.confidence for f in dinner("soup", "salad", "bread", "fish", "nuts cake")] == [0.8]
    assert [f.confidence for f in dinner("nuts cake", "salad", "bread", "fish", "nuts cake")] == [0.3]


def test_what_the_user_has_to_say_again_is_listed() -> None:
    calm = [m for _ in range(5) for m in (user("go on"), assistant("fine"))]
    again = trace(user("A room, no smoking please."), assistant("ok"), *calm, user("I told you already: never a smoking room."))
    asked = trace(user("A room, no smoking please."), assistant("ok"), *calm, user("As I said, book me a room."))
    (finding,) = find_patterns([again, asked]).findings
    assert finding.details["by_user"]
    assert finding.confidence < SURE
