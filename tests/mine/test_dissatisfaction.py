from __future__ import annotations

import pytest

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.mine.signal import FailureSignal
from mining import found


def ended(*messages):
    return found("unresolved_end", trace(user("Where is my parcel?"), *messages))


@pytest.mark.parametrize(
    ("messages", "what"),
    [
        ((), "without an answer"),
        ((assistant("It left."), user("And when will it be here?")), "nobody answers"),
        ((assistant("What is the number of your order?"),), "a question of the agent"),
        ((assistant("I'm sorry, I was unable to find it."),), "unable to help"),
        ((assistant(""),), "empty answer"),
        ((assistant(None, tool_call("track")), tool_result("at the depot")), "tool call"),
        ((assistant(None, tool_call("track")),), "tool call"),
        ((assistant(None, tool_call("transfer_to_human_agents")), tool_result("ok")), "transfer"),
        ((assistant("You are being transferred to a human agent."),), "transfer"),
        ((assistant("Unfortunately I cannot say."), user("Thanks anyway, bye")), "politely"),
    ],
)
def test_an_unresolved_end_says_how(messages, what):
    (signal,) = ended(*messages)
    assert signal.type is FailureSignal.ABANDONMENT
    assert what in signal.reason
    assert signal.where.message_index == len(messages)


@pytest.mark.parametrize(
    "messages",
    [
        (assistant("It arrives today."),),
        (assistant("It arrives today. Is there anything else I can help you with?"),),
        (assistant("It arrives today."), user("Great, thank you!")),
        (assistant("It arrives today."), user("Thanks!"), assistant("You are welcome.")),
        (assistant("It arrives today. Anything else?"), user("###STOP###")),
        (assistant("It arrives today."), user("Thanks! ###STOP###")),
        (assistant("It arrives today."), assistant("TERMINATE")),
        (assistant("It arrives today. Is there anything else I can help you with?"), user("no")),
        (assistant("It arrives today. Anything else?"), user("Nope, I'm good.")),
        (assistant("Es kommt heute. Kann ich sonst noch etwas für Sie tun?"), user("Nein")),
        (assistant("Es kommt heute. Kann ich sonst noch etwas für Sie tun?"),),
    ],
)
def test_a_resolved_end_is_silent(messages):
    assert not ended(*messages)


@pytest.mark.parametrize(
    "text", ["This is ridiculous", "WHERE IS MY PARCEL NOW", "Answer me!!!", "forget it", "What a waste of my time"]
)
def test_frustration_is_found(text):
    (signal,) = found("frustration", trace(user("Where is it?"), assistant("Soon."), user(text)))
    assert signal.where.message_index == 2


@pytest.mark.parametrize("text", ["OK", "I live in the USA, NYC", "That was fun!", "我的包裹在哪里", "¿Dónde está mi paquete?"])
def test_calm_is_not(text):
    assert not found("frustration", trace(user("Where is it?"), assistant("Soon."), user(text)))


def test_the_agent_admits_a_mistake_but_declining_is_none():
    assert found("agent_admission", trace(user("Twelve?"), assistant("You're right, I made a mistake.")))
    assert found("agent_admission", trace(user("Twelve?"), assistant("Something went wrong, I could not save it.")))
    assert not found("agent_admission", trace(user("Twelve?"), assistant("Refunds are not allowed after a month.")))
    assert not found("agent_admission", trace(user("Twelve?"), assistant("I'm sorry to hear that. It is twelve.")))


def test_apologies_count_when_there_are_many():
    sorry = [m for n in range(3) for m in (user(f"and {n}?"), assistant(f"I'm sorry about that, it is {n}."))]
    (signal,) = found("agent_admission", trace(*sorry))
    assert signal.where.message_index == 5


def test_an_agent_that_says_the_same_again_is_stuck():
    same = "Please give me the number printed on the back of your membership card."
    stuck = trace(user("I lost my card"), assistant(same), user("I do not have it"), assistant(same))
    assert found("agent_loop", stuck)[0].where.message_index == 3
    moved_on = trace(user("I lost my card"), assistant(same), user("4411"), assistant("Thanks, a new card is on its way to you."))
    assert not found("agent_loop", moved_on)


def said_again(*texts):
    turns = [m for n, text in enumerate(texts) for m in (assistant(text), user(f"It is {4400 + n}"))]
    return [s.where.message_index for s in found("agent_loop", trace(user("Where is my order?"), *turns))]


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        (["Please give me your order number."] * 3, [3, 5]),
        (["Please give me your order number!", "please give me your order number"], [3]),
        (["Bestellnummer?"] * 2, [3]),
        (["请提供订单号。"] * 3, [5]),
        (["Sorry, I don't understand."] * 3, [5]),
        (["No. What is your name?", "Hm. What is your name?", "So. What is your name?"], [5]),
    ],
)
def test_an_agent_that_puts_the_same_question_is_stuck_however_short_it_is(texts, places):
    assert said_again(*texts) == places


@pytest.mark.parametrize(
    "texts",
    [
        ["Done."] * 4,
        ["You're welcome!"] * 3,
        ["Is there anything else I can help you with?"] * 3,
        [f"It is {n}. Is there anything else I can help you with?" for n in ("red", "at home", "twelve")],
        [f"A table for {n}. Is that correct?" for n in ("two", "three", "four")],
        ["Which city?", "Which day?", "Which city?"],
        ["all right " * 40] * 3,
    ],
)
def test_set_phrases_and_other_questions_are_no_loop(texts):
    assert said_again(*texts) == []


def unmet(reply, asked="Shall I cancel the booking?", yes="Yes, go ahead"):
    acting = (assistant(None, tool_call("find", "f")), tool_result("found", "f"))
    return found("unmet_confirmation", trace(user("Cancel it"), *acting, assistant(asked), user(yes), reply))


def test_a_go_ahead_that_leads_to_nothing_is_found():
    (signal,) = unmet(assistant("I will do that."))
    assert signal.where.message_index == 5
    assert not unmet(assistant(None, tool_call("cancel", "c")))
    assert not unmet(assistant("Goodbye."), asked="It is cancelled. Anything else?", yes="Yes, what is the weather?")
    assert not unmet(assistant("Then not."), yes="No, keep it")


def test_an_agent_without_tools_cannot_fail_to_act():
    talk = trace(user("Play it"), assistant("Shall I play it?"), user("Yes"), assistant("Enjoy."))
    assert not found("unmet_confirmation", talk)


def calls(count: int, id: str = "t"):
    acts = [m for n in range(count) for m in (assistant(None, tool_call("find", f"c{n}", n=n)), tool_result(str(n), f"c{n}"))]
    return trace(user("go"), *acts, assistant("done"), id=id)


def test_effort_is_unusual_beside_peers_only():
    peers = [calls(4, f"p{n}") for n in range(20)]
    many, few, usual = calls(12), calls(0), calls(5)
    (signal,) = found("unusual_effort", many, peers=peers)
    assert "12 tool calls, where 4 are usual" in signal.reason
    assert signal.severity <= 0.3
    assert not found("unusual_effort", few, peers=peers)
    assert not found("unusual_effort", usual, peers=peers)
    assert not found("unusual_effort", many, peers=peers[:19])


def test_a_short_answer_that_needs_no_tool_is_no_failure():
    batch = [calls(2, f"p{n}") for n in range(40)]
    batch += [trace(user("When do you open?"), assistant("At nine."), id=f"q{n}") for n in range(20)]
    assert not any(found("unusual_effort", t, peers=batch) for t in batch)


def test_effort_that_varies_much_is_a_sign_only_beyond_its_spread_and_weak_near_it():
    peers = [calls(2 + n % 9, f"p{n}") for n in range(45)]
    signals = {n: found("unusual_effort", calls(n), peers=peers) for n in (6, 8, 10, 30)}
    assert not signals[6]
    assert not signals[8]
    assert signals[10][0].confidence < 0.4 < signals[30][0].confidence


def test_where_all_take_alike_nothing_is_unusual():
    peers = [calls(3, f"p{n}") for n in range(30)]
    assert not any(found("unusual_effort", t, peers=peers) for t in peers)
