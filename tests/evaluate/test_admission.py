from __future__ import annotations

import pytest

from builders import assistant, case, tool_call, tool_result, user
from loopwright.evaluate.admission import admit, recorded_answer
from loopwright.evaluate.case import Check, Layer

ANSWER = "I am sorry, I was not able to find your booking anywhere in the system that I have at hand."
FAILED = (user("Cancel A1"), assistant(None, tool_call("cancel")), tool_result("Error: no such booking"), assistant(ANSWER))
SOUND = (user("Cancel A1"), assistant(None, tool_call("cancel")), tool_result("cancelled"), assistant("It is cancelled."))


def checked(*checks: Check, **fields: object):
    return case(input="Cancel A1", checks=checks, **fields)


def test_a_draft_is_admitted_that_fails_on_its_source_and_passes_elsewhere() -> None:
    found = admit(checked(Check("not_regex", {"pattern": "no such", "in": "tool_results"})), FAILED, [SOUND, FAILED])
    assert found.admitted
    assert (found.fails_on_source, found.passed, found.failed) == (True, 1, 1)
    assert not admit(
        checked(Check("not_regex", {"pattern": "such", "in": "tool_results"})), FAILED, [SOUND, FAILED, FAILED]
    ).admitted
    assert admit(checked(Check("not_contains", {"value": "sorry"})), FAILED).admitted


@pytest.mark.parametrize(
    ("checks", "sound", "why"),
    [
        ((Check("contains", {"value": "sorry"}),), [SOUND], "pass on the recorded failure"),
        ((Check("contains", {"value": "moon"}),), [SOUND, SOUND], "fail in 2 of 2 sound conversations"),
        ((), [SOUND], "no checks"),
        ((Check("not_contains", {"value": ANSWER}),), [SOUND], "not_contains compares with the very words"),
        ((Check("not_contains", {"value": ANSWER[10:80].upper(), "ignore_case": True}),), [SOUND], "very words"),
    ],
)
def test_why_a_draft_is_not_admitted(checks: tuple[Check, ...], sound: list[object], why: str) -> None:
    found = admit(checked(*checks), FAILED, sound)
    assert not found.admitted
    assert why in found.why_not


def test_checks_that_could_not_decide_admit_nothing() -> None:
    found = admit(checked(Check("tool_called", {"name": "cancel"})), (user("Cancel A1"),), [SOUND])
    assert found.fails_on_source is None
    assert "could not decide" in found.why_not


def test_a_behavioral_case_is_about_the_whole_conversation() -> None:
    talk = (*FAILED, user("And now?"), assistant("Nothing."))
    assert recorded_answer(checked(layer=Layer.BEHAVIORAL), talk) == list(talk)
    assert recorded_answer(checked(), talk) == list(FAILED[1:])
