"""What a mode is called."""

from __future__ import annotations

from builders import failure
from loopwright.cluster.describing import headline
from loopwright.mine.signal import FailureSignal


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
