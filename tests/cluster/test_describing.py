"""What a mode is called."""

from __future__ import annotations

import pytest

from builders import failure, signal
from loopwright.cluster.describing import describe, headline
from loopwright.mine.signal import FailureSignal, FailureTrace


def test_a_mode_is_named_by_the_reason_that_most_share() -> None:
    hard = [failure(f"t{i}", reason=f"refund: Error: order {i} not found; called again") for i in range(3)]
    assert headline(hard, "refund order").startswith("refund: Error: order <")
    left = [failure(f"t{i}", reason="the user asks for a person", signal_type=FailureSignal.USER_CORRECTION) for i in range(3)]
    assert headline(left, "refund late") == "refund late: the user asks for a person"


def test_a_mode_without_a_shared_reason_is_named_by_its_tool_or_its_topic() -> None:
    reasons = ("refund: Error: no such order", "refund: Error: card expired", "refund: Error: try later")
    mixed = [failure(f"t{i}", reason=reason, context_snapshot={"tool": "refund"}) for i, reason in enumerate(reasons)]
    assert headline(mixed, "refund card error") == "refund fails: card"
    other = [failure(f"t{i}", reason=r, signal_type=FailureSignal.ABANDONMENT) for i, r in enumerate(("a b", "c d", "e f"))]
    assert headline(other, "late parcel") == "late parcel"


def failing(error: str, count: int = 6) -> list[FailureTrace]:
    found = (signal(reason=f"quote answered with an error: “{error}”"),)
    return [failure(f"t{n}", reason=f"quote: {error}", signals=found, context_snapshot={"tool": "quote"}) for n in range(count)]


@pytest.mark.parametrize(
    "error", ["upstream timeout", "HTTP 503 Service Unavailable", "ConnectionError: refused", "429 Too Many Requests"]
)
def test_a_backend_that_does_not_answer_is_not_cured_by_other_arguments(error: str) -> None:
    members = failing(error)
    fix = describe(members, members[0]).possible_fix
    assert "Retry the tool quote with backoff" in fix
    assert "tell the user" in fix
    assert "arguments" not in fix


def test_what_was_not_found_is_cured_by_its_arguments() -> None:
    members = failing("order N4100 not found")
    assert "Validate the call's arguments before the tool quote" in describe(members, members[0]).possible_fix


def test_a_mode_is_described_by_what_its_detector_finds_and_the_request_is_no_failure() -> None:
    found = (signal(type=FailureSignal.ABANDONMENT, detector="unusual_effort"),)
    members = [
        failure(f"t{n}", "Where is my order? ###STOP###", "took many", signal_type=FailureSignal.ABANDONMENT, signals=found)
        for n in range(6)
    ]
    said = describe(members, members[0])
    assert said.what == "6 failures on requests like: “Where is my order?”"
    assert said.why.startswith("Sign of failure in all: the conversation took more than is usual for the agent.")


def test_a_mode_that_many_detectors_found_is_described_by_its_signal_type() -> None:
    detectors = ("frustration", "agent_loop", "house_rule")
    members = [
        failure(d, signal_type=FailureSignal.ABANDONMENT, signals=(signal(type=FailureSignal.ABANDONMENT, detector=d),))
        for d in detectors
    ]
    assert describe(members, members[0]).why.startswith("All came to light by a conversation left unresolved")
