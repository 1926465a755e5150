from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import assistant, tool_call, tool_result, user
from loopwright.collect.trace import Message
from loopwright.evaluate.acts import acts
from loopwright.evaluate.admission import fails_on
from loopwright.evaluate.case import Check, EvalCase, Layer
from loopwright.evaluate.outcome import alike, outcome
from loopwright.evaluate.suite import parse
from loopwright.evaluate.surroundings import Recorded
from loopwright.evaluate.writing import render


def talk(*calls: tuple[str, dict[str, Any]], asked: str = "Cancel A1 and B2") -> tuple[Message, ...]:
    made = [
        m
        for n, (name, arguments) in enumerate(calls)
        for m in (assistant(None, tool_call(name, id=f"c{n}", **arguments)), tool_result("done", id=f"c{n}"))
    ]
    return (user(asked), *made, assistant("Done."))


def recorded(*calls: tuple[str, dict[str, Any]]) -> Recorded:
    messages = talk(*calls)
    return Recorded("o", messages, acts(messages))


A, B = ("cancel", {"order": "A1"}), ("cancel", {"order": "B2"})


def test_what_the_others_did_and_this_one_did_not_is_asked_for() -> None:
    found = outcome(talk(A), [recorded(A, B), recorded(B, A)])
    assert found is not None
    assert found.checks == (Check("tool_called", {"name": "cancel", "arguments": {"order": "B2"}, "succeeded": True}),)
    assert found.told == "The conversation lacks cancel (order: B2), which 2 of 2 conversations with the same request have"
    assert found.before is None


def test_what_this_one_alone_did_is_refused() -> None:
    found = outcome(talk(A, ("refund", {"sum": 3})), [recorded(A), recorded(A, B), recorded(A)])
    assert found is not None
    assert found.checks == (Check("tool_not_called", {"name": "refund", "succeeded": True}),)
    assert found.before == 3
    again = outcome(talk(B), [recorded(A), recorded(A)])
    assert again is not None
    assert [c.type for c in again.checks] == ["tool_called", "tool_not_called"]
    assert again.checks[1].options["arguments"] == {"order": "B2"}


def test_only_what_the_others_agree_on_is_asked_for() -> None:
    one, two = ("book", {"flight": "A1", "pay": "card"}), ("book", {"flight": "A1", "pay": "voucher"})
    found = outcome(talk(), [recorded(one), recorded(two)])
    assert found is not None
    assert found.checks == (Check("tool_called", {"name": "book", "arguments": {"flight": "A1"}, "succeeded": True}),)


def test_what_was_never_spoken_of_here_is_not_asked_for() -> None:
    elsewhere = recorded(("cancel", {"order": "Z9"}))
    found = outcome(talk(A), [elsewhere, elsewhere])
    assert found is not None
    assert [c.type for c in found.checks] == ["tool_not_called"]


def test_without_agreement_the_same_outcome_is_refused() -> None:
    found = outcome(talk(A), [recorded(A), recorded(A, B)])
    assert found is not None
    wanted = {"calls": ({"name": "cancel", "arguments": {"order": "A1"}},), "tools": ("cancel",)}
    assert found.checks == (Check("not_exact_calls", wanted),)
    nothing = outcome(talk(), [recorded(A), recorded(B)])
    assert nothing is not None
    assert nothing.checks == (Check("not_exact_calls", {"calls": (), "tools": ("cancel",)}),)
    assert "nothing was done" in nothing.told


def test_nothing_is_said_where_all_did_the_same_or_nothing_was_done() -> None:
    assert outcome(talk(A), []) is None
    assert outcome(talk(A), [recorded(A), recorded(A)]) is None
    assert outcome(talk(), [recorded()]) is None
    assert outcome(talk(A), [recorded(A, B)]) is None
    assert outcome(talk(A), [recorded(A), recorded(A), recorded(B)]) is None


def test_acts_are_alike_in_any_order_and_as_often() -> None:
    assert alike(acts(talk(A, B)), acts(talk(B, A)))
    assert not alike(acts(talk(A, A)), acts(talk(A, B)))
    assert not alike(acts(talk(A)), acts(talk(A, A)))


def test_what_others_were_never_asked_about_is_not_held_against_this_one() -> None:
    mine = talk(("cancel", {"order": "A1"}), asked="Cancel A1")
    strangers = [
        Recorded("o", messages, acts(messages), same_subject=False)
        for messages in (talk(("cancel", {"order": id}), asked=f"Cancel {id}") for id in ("C3", "D4"))
    ]
    assert outcome(mine, strangers) is None
    unsaid = talk(("cancel", {"order": "A1"}), asked="Cancel my order, I am Ada")
    assert outcome(unsaid, strangers) is None
    assert outcome(mine, [replace(other, same_subject=True) for other in strangers]) is not None


def test_a_long_piece_of_work_has_no_few_acts_for_an_outcome() -> None:
    many = [("edit", {"line": n}) for n in range(40)]
    assert outcome(talk(*many), [recorded(A), recorded(A)]) is None
    assert outcome(talk(A), [recorded(*many), recorded(*many)]) is None


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["cancel", "book", "get_order"]),
        st.dictionaries(st.sampled_from(["order", "sum", "list"]), st.sampled_from(["A1", "B2", 3, 3.5, True, None, ["A1", 3]])),
    ),
    max_size=4,
)


@given(own=ACTS, others=st.lists(ACTS, max_size=4))
@settings(max_examples=200)
def test_what_is_said_of_an_outcome_fails_on_the_failure_and_not_on_most_of_the_others(own: Any, others: Any) -> None:
    found = outcome(talk(*own), [recorded(*other) for other in others])
    if found is None:
        return
    case = EvalCase("c", "Cancel A1 and B2", checks=found.checks, layer=Layer.BEHAVIORAL)
    assert fails_on(case, talk(*own)) is True
    for check in found.checks:
        single = EvalCase("c", "Cancel A1 and B2", checks=(check,), layer=Layer.BEHAVIORAL)
        verdicts = [fails_on(single, talk(*other)) for other in others]
        assert 2 * verdicts.count(False) >= len(others)
    (again,) = parse(render([case]), "x")
    assert again.checks == case.checks
