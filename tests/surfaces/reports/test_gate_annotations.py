from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from gate_decisions import approved, blocked, lost, undecided
from loopwright.gate.decision import GateDecision, Overridden
from loopwright.surfaces.reports.gate_annotations import gate_annotations
from loopwright.surfaces.reports.gate_junit import Place

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def parsed(decision: GateDecision, places: dict[str, Place] | None = None) -> list[tuple[str, dict[str, str], str]]:
    """The commands as GitHub's runner reads them: the name up to a space, properties by commas, then the message."""
    found = []
    for line in gate_annotations(decision, places).split("\n")[:-1]:
        match = COMMAND.fullmatch(line)
        assert match, line
        properties = dict(part.split("=", 1) for part in match[2].split(","))
        found.append((match[1], {name: unquote(value) for name, value in properties.items()}, unquote(match[3])))
    return found


def test_a_lost_case_is_an_error_where_it_stands() -> None:
    found = parsed(lost(), {"case-0": Place("evals/a,b:c%d.yaml", 7)})
    assert found[0][0] == "error"
    assert found[0][2].startswith("Blocked: a deterministic case that passed fails; 100 % of trials")
    assert found[1] == (
        "error",
        {"file": "evals/a,b:c%d.yaml", "line": "7", "title": "Case lost"},
        "case-0: 1 of 1 passed before, 0 of 1 now: lost (one failure is proof)",
    )


def test_undecided_is_an_error_and_the_case_to_repeat_a_warning() -> None:
    found = parsed(undecided())
    assert [(level, properties["title"]) for level, properties, _ in found] == [
        ("error", "Gate undecided"),
        ("warning", "Case undecided"),
    ]
    assert "1 more trial would tell" in found[1][2]


def test_an_approval_is_a_notice_and_an_override_has_no_errors() -> None:
    assert [level for level, _, _ in parsed(approved())] == ["notice"]
    override = Overridden(("o-1",), ("Ada",), ("the customer waits",), datetime(2026, 12, 31, tzinfo=UTC))
    found = parsed(replace(lost(), override=override))
    assert {level for level, _, _ in found} == {"warning", "notice"}
    assert found[-1][2] == "Overridden by Ada until 2026-12-31, and ships: the customer waits."


def test_ten_of_a_kind_and_the_rest_counted() -> None:
    decision = replace(blocked([f"case {i}" for i in range(12)]), notes=tuple(f"note {i}" for i in range(30)))
    found = parsed(decision)
    levels = [level for level, _, _ in found]
    assert (levels.count("warning"), levels.count("notice")) == (10, 10)
    assert found[-1][2].startswith("2 more warnings and 21 more notices: see the log")


def test_hostile_names_are_one_message_each() -> None:
    messages = [message for _, _, message in parsed(blocked())]
    assert any(message.startswith("::error file=x::boo: ") for message in messages)
    assert any("100%25 of: a, b" in message for message in messages)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.text(min_size=1), st.text(min_size=1))
def test_no_text_makes_a_command_or_a_property(name: str, file: str) -> None:
    found = parsed(replace(lost(f"x{name}"), notes=(name,)), {f"x{name}": Place(file, 1)})
    assert [level for level, _, _ in found] == ["error", "error", "notice"]
    assert set(found[1][1]) == {"file", "line", "title"}
