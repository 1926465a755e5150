"""What the harness holds, by what was recorded of its writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from loopwright.improve.proposal import HarnessChange, ProposalKind
from loopwright.release.harness import Held, held

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BUDGET = ProposalKind.RETRY_BUDGET


def change(
    id: str,
    table: dict[str, Any] | None,
    day: int,
    action: Literal["apply", "roll back"] = "apply",
    kind: ProposalKind = BUDGET,
) -> HarnessChange:
    return HarnessChange(id, action, kind, "Ann", NOW + timedelta(days=day), None, table, "", "")


def test_nothing_on_record_holds_nothing() -> None:
    assert held([]) == {}


def test_the_last_write_counts_and_names_its_proposal() -> None:
    changes = [
        change("one", {"per_tool": 3}, 0),
        change("two", {"per_tool": 4}, 1),
        change("two", {"per_tool": 3}, 2, "roll back"),
    ]
    assert held(changes[:2]) == {"retry_budget": Held("two", {"per_tool": 4})}
    assert held(changes) == {"retry_budget": Held("one", {"per_tool": 3})}
    assert held(changes, NOW + timedelta(days=1)) == held(changes[:2])
    assert held(changes, NOW - timedelta(days=1)) == {}


def test_what_was_taken_out_is_known_to_be_out() -> None:
    changes = [change("one", {"per_tool": 3}, 0), change("one", None, 1, "roll back")]
    assert held(changes) == {"retry_budget": Held(None, None)}


def test_what_stood_there_by_hand_comes_back_without_a_proposal() -> None:
    changes = [change("one", {"per_tool": 3}, 0), change("one", {"per_tool": 9}, 1, "roll back")]
    assert held(changes) == {"retry_budget": Held(None, {"per_tool": 9})}


def test_applied_again_in_another_mode_is_the_same_proposal() -> None:
    changes = [change("one", {"mode": "shadow"}, 0), change("one", {"mode": "enforce"}, 1), change("one", None, 2, "roll back")]
    assert held(changes[:2]) == {"retry_budget": Held("one", {"mode": "enforce"})}
    assert held(changes) == {"retry_budget": Held(None, None)}


def test_guards_are_apart() -> None:
    changes = [change("one", {"a": 1}, 0), change("two", {"b": 1}, 1, kind=ProposalKind.DEDUPLICATE_CALLS)]
    assert sorted(held(changes)) == ["deduplicate_calls", "retry_budget"]
