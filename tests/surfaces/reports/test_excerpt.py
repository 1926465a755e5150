from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builders import assistant, failure, signal, tool_call, user
from loopwright.collect.trace import Message, ToolCall
from loopwright.mine.signal import Where
from loopwright.surfaces.reports.excerpt import evidence, excerpt, pinned_text

TALK = (Message("system", "policy"), *(user(f"u{i}") if i % 2 else assistant(f"a{i}") for i in range(1, 40)))


def at(*places: int | None) -> tuple:
    return tuple(signal(detector=f"d{p}", where=Where(message_index=p)) for p in places)


def test_the_evidence_is_pinned_between_its_neighbours_and_the_rest_is_counted() -> None:
    shown = excerpt(failure(signals=at(20)), TALK)
    assert [turn.index for _, turn in shown.turns] == [1, 18, 19, 20, 21]
    assert [skipped for skipped, _ in shown.turns] == [1, 16, 0, 0, 0]
    assert shown.skipped_after == 18
    assert [turn.index for _, turn in shown.turns if turn.pinned] == [20]


def test_without_a_place_the_end_is_shown() -> None:
    shown = excerpt(failure(signals=at(None)), TALK)
    assert shown.turns[-1][1].index == 39
    assert pinned_text(failure(signals=at(None)), TALK) is None


def test_a_place_outside_the_conversation_is_no_pin() -> None:
    shown = excerpt(failure(signals=at(400, -1)), TALK)
    assert not any(turn.pinned for _, turn in shown.turns)
    assert pinned_text(failure(signals=at(400, -1)), TALK) is None


def test_signals_that_say_the_same_are_pinned_once() -> None:
    same = tuple(signal(where=Where(message_index=i), severity=0.9 - i / 100) for i in (5, 15, 25))
    shown = excerpt(failure(signals=same), TALK)
    assert [turn.index for _, turn in shown.turns if turn.pinned] == [5]


def test_the_strongest_signal_comes_first() -> None:
    weak, strong = signal(severity=0.2, detector="weak", where=Where(message_index=3)), signal(severity=0.9, detector="strong")
    assert [e.detector for e in evidence(failure(signals=(weak, strong)))] == ["strong", "weak"]


def test_tool_calls_are_one_line_each() -> None:
    calls = (tool_call("search", query="a\nb", limit=3), ToolCall("2", "raw", "not json"), ToolCall("3", "none"))
    shown = excerpt(failure(), (user("hi"), assistant(None, *calls)))
    assert [(c.name, c.arguments) for c in shown.turns[-1][1].calls] == [
        ("search", 'query="a\\nb", limit=3'),
        ("raw", "not json"),
        ("none", ""),
    ]


def test_an_empty_conversation_is_an_empty_excerpt() -> None:
    assert excerpt(failure(signals=at(0)), ()).turns == ()


@given(
    st.lists(st.sampled_from(["user", "assistant", "tool", "system", "odd"]), max_size=40),
    st.lists(st.integers(-3, 45), max_size=8),
)
def test_every_message_is_shown_once_or_counted(roles: list[str], places: list[int]) -> None:
    messages = [Message(role, f"text {i}") for i, role in enumerate(roles)]
    shown = excerpt(failure(signals=at(*places)), messages)
    indices = [turn.index for _, turn in shown.turns]
    assert indices == sorted(set(indices))
    assert len(indices) + sum(skipped for skipped, _ in shown.turns) + shown.skipped_after == len(messages)
    assert len(indices) <= 3 * 4 + 1
