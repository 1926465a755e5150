from __future__ import annotations

from builders import assistant, failure, trace, user
from loopwright.evaluate.surroundings import NOWHERE, Surroundings

ASKED = "Please cancel my reservation HX4411, my user id is ada_l_17"
OTHERS = [trace(user(text), assistant("Sure"), id=f"o{n}") for n, text in enumerate(
    ["Where is my bag?", "Upgrade me to business on flight 9", "I want to add a pet to my trip", "Refund the hotel in Rome", "Hi"]
)]  # fmt: skip


def test_the_same_request_is_found_by_what_the_users_said() -> None:
    again = trace(user("hello"), assistant("?"), user("cancel reservation HX4411. I am ada_l_17"), id="again")
    surroundings = Surroundings([trace(user(ASKED), id="t1"), again, *OTHERS])

    found = surroundings.same_request("t1", (user(ASKED),))
    assert [r.trace_id for r in found] == ["again"]
    assert surroundings.without("again").same_request("t1", (user(ASKED),)) == ()
    assert len(surroundings) == 7


def test_another_agents_conversations_are_not_compared_with() -> None:
    surroundings = Surroundings([trace(user(ASKED), id="a", agent="shop"), trace(user(ASKED), id="b", agent="bank"), *OTHERS])
    assert [r.trace_id for r in surroundings.same_request("t", (user(ASKED),), "shop")] == ["a"]


def test_what_mining_doubts_is_not_sound() -> None:
    surroundings = Surroundings(OTHERS, [failure("o1", score=0.9), failure("o2", score=0.1)])
    assert [r.trace_id for r in surroundings.sound("o0")] == ["o3", "o4", "o2"]


def test_nothing_is_like_a_conversation_without_words() -> None:
    assert NOWHERE.same_request("t", (user(ASKED),)) == ()
    assert Surroundings(OTHERS).same_request("t", ()) == ()
    assert Surroundings([trace(id="empty")]).sound("t") == ()


def test_another_order_is_another_request_however_it_is_worded() -> None:
    asked = [trace(user(f"Please cancel my order HX44{n:02}"), id=f"t{n}") for n in range(12)]
    again = trace(user("Cancel order HX4403 please"), id="again")
    surroundings = Surroundings([*asked, again])
    assert [r.trace_id for r in surroundings.same_request("t3", asked[3].messages)] == ["again"]
    assert surroundings.same_request("t4", asked[4].messages) == ()


def test_where_nothing_is_named_the_words_alone_count() -> None:
    surroundings = Surroundings([trace(user("Cancel my flight please, I am Ada"), id="a"), *OTHERS])
    (found,) = surroundings.same_request("b", (user("Cancel my flight please, I am Grace"),))
    assert (found.trace_id, found.same_subject) == ("a", False)
