"""What a draft expects of the agent, in words: from what the user asked and the signal that told of the failure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loopwright.collect.trace import Message, Trace
from loopwright.evaluate.redaction import redact
from loopwright.mine.agent_wording import ASKS, OFFERS_MORE
from loopwright.mine.likeness import words
from loopwright.mine.reading import Utterance, read
from loopwright.mine.speech import closing
from loopwright.mine.user_wording import AFFIRMS, GO_AHEAD, REQUEST

RETRIES = 3
"""How often the same call may be made to a backend that does not answer."""

_ASKED = "Does what the user asks, {request}"
_BY_DETECTOR = {
    "tool_error": _ASKED + ": calls {tool} so that it does not answer with an error, or asks the user for what is missing.",
    "unknown_tool": _ASKED + ", with tools that exist.",
    "malformed_arguments": _ASKED + ", and calls {tool} with arguments that are valid JSON.",
    "repeated_call": _ASKED + ", without calling {tool} again with the same arguments.",
    "unanswered_call": "Answers the request {request}, and says what could not be found out.",
    "trace_error": "Answers the request {request}.",
    "execution_error": _ASKED + ", with code and commands that run.",
    "user_correction": _ASKED + ", so that the user need not correct it.",
    "user_refusal": _ASKED + ", so that the user need not refuse what it offers.",
    "user_reask": "Answers the request {request} at once, so that the user need not ask again.",
    "human_request": "Helps with {request}, or offers a person before the user has to ask for one.",
    "unresolved_end": "Answers the request {request}; does not end before it is met or the user knows what happens next.",
    "frustration": "Helps with {request}, so that the user has no reason to be angry or to give up.",
    "unmet_confirmation": "Does what the user agreed to, after asking {request}, as soon as the user agrees.",
    "agent_admission": _ASKED + ", instead of saying that it could not.",
    "agent_loop": "Goes on with {request}: takes up what the user answered, instead of saying the same again.",
    "unusual_effort": _ASKED + ", without detours: takes no step that the request does not need.",
}
_UNAVAILABLE = (
    _ASKED
    + f", or says plainly that {{tool}} did not work and what happens next; calls it {RETRIES} times at most, and claims no"
    " success that it did not report."
)
_CRITERIA = {
    "unusual_effort": ("Comes to it without detours: no call and no question that the request does not need.",),
    "unanswered_call": (
        "Says what could not be found, and what else the user can do; claims nothing that {tool} did not return.",
    ),
    "unresolved_end": ("Leaves the user with an answer, or with what happens next; it does not break off.",),
}
_WISH = re.compile(r"\b(?:(?:can|could|would|will) you|i (?:also )?(?:want|need|would like)|i'd (?:also )?like)\b")
"""What asks for more, also in a message that agrees."""


def request_in(messages: Sequence[Message]) -> str:
    """What the user asked last: not a closing, nor the answer to a question of the agent. Empty where the user said nothing."""
    users = read(Trace("", messages=tuple(messages))).users
    said = [u for u in users if not closing(u.plain, u.before)]
    asked = [u for u in said if not _answers(u)]
    return (asked or said or users)[-1].text if users else ""


def _answers(said: Utterance) -> bool:
    """Whether it only answers what the agent asked, as a number or a yes does."""
    if "?" in said.plain or "\uff1f" in said.plain:
        return False
    agrees, wishes = AFFIRMS.match(said.plain) is not None, _WISH.search(said.plain) is not None
    if agrees and not wishes and said.before and len(words(said.plain)) <= 2:
        return True
    asked = ASKS.search(said.before[-400:]) is not None or said.before.endswith("\uff1f")
    if not asked or OFFERS_MORE.search(said.before[-200:]):
        return False
    return not (wishes if agrees or GO_AHEAD.search(said.plain) else REQUEST.search(said.plain))


def expected(detector: str, request: str, tool: str, *, unavailable: bool = False) -> str:
    """What the agent should do with the request. `unavailable` tells that the tool's backend did not answer."""
    pattern = _UNAVAILABLE if unavailable else _BY_DETECTOR.get(detector, _ASKED + ".")
    if not request:
        pattern = pattern.replace(", {request}", " for").replace("{request}", "of the user")
    return pattern.replace("{request}", quoted(request)).replace("{tool}", tool)


def expected_outcome(request: str, wanted: str) -> str:
    """What the conversation should come to."""
    asked = f"Does what the user asks, {quoted(request)}" if request else "Does what the user asks for"
    return f"{asked}: {wanted}."


def rubric(detector: str, request: str, tool: str, indicator: str, *, unavailable: bool = False) -> tuple[str, ...]:
    """Criteria for a judge: the request is met, and the failure that `indicator` tells of is not repeated."""
    if unavailable:
        return (
            f"Does what the user asks{_colon(request)}, or says plainly that {tool} did not work and what happens next.",
            f"Claims no success that {tool} did not report.",
            f"Does not call {tool} again and again while it fails: {RETRIES} times at most.",
        )
    met = f"Answers what the user asked{_colon(request)}" + ("" if request else ".")
    if detector in _CRITERIA:
        return (met, *(criterion.replace("{tool}", tool) for criterion in _CRITERIA[detector]))
    return (met, f"Does not repeat the recorded failure: {indicator}") if indicator else (met,)


def quoted(text: str, width: int = 200) -> str:
    """One line, redacted and in quotes, of at most `width` characters."""
    flat = " ".join(redact(text).split())
    return f'"{flat}"' if len(flat) <= width else f'"{flat[: width - 1]}…"'


def _colon(request: str) -> str:
    return f": {quoted(request)}" if request else ""
