"""A draft case from a failure mode, without a model: the recorded conversation up to the failure, and checks that saw it fail.

A check that only says "answers otherwise than recorded" is useless: each template knows what its signal is about, and says
that. Whether the checks fail on the recorded failure is tried, and written into the draft. Only a person approves it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.cluster.mode import FailureMode
from loopwright.collect.trace import Message, Trace
from loopwright.effects import TargetReply
from loopwright.errors import UsageError
from loopwright.evaluate.case import CaseStatus, Check, EvalCase, Layer
from loopwright.evaluate.expectation import RETRIES, expected, quoted, request_in, rubric
from loopwright.evaluate.redaction import redact, redact_value
from loopwright.evaluate.signal_checks import ANSWERABLE
from loopwright.evaluate.trial import examine
from loopwright.mine.likeness import words
from loopwright.mine.masking import mask
from loopwright.mine.reading import Reading, ToolUse, plain, read, role_of
from loopwright.mine.signal import FailureTrace, Signal
from loopwright.mine.speech import closing, spoken
from loopwright.mine.tool_text import error_in, unavailable

TRIED = 8
"""How many recorded failures of a mode are tried as the source of its draft."""

_USERS_WORD = frozenset({"user_correction", "user_refusal", "user_reask", "human_request", "frustration"})
_EFFORT = "unusual_effort"
_SIGNATURE = 100
_LINE_END = re.compile(r"[ \t\r]+\n")


@dataclass(frozen=True, slots=True)
class _Source:
    """One recorded failure, cut: the `given` messages up to the user's, the `answer` that failed, what was said `next`."""

    failure: FailureTrace
    signal: Signal | None
    given: tuple[Message, ...]
    answer: tuple[Message, ...]
    next: str = ""
    use: ToolUse | None = None


def draft(
    failures: Sequence[FailureTrace],
    conversations: Mapping[str, Sequence[Message]],
    mode: FailureMode | None = None,
) -> EvalCase:
    """A draft for a failure mode, or with `mode` None for a one-off.

    `failures` are its members, best first; `conversations` holds messages by trace id, as far as known. The source is the first
    representative whose checks fail on it, else the first. The id is derived from the mode's (or the trace's), so that drafting
    again gives the same case. Production text in it is redacted. Raises `UsageError` without failures.
    """
    if not failures:
        raise UsageError("there is no failure to draft a case from; run: loopwright mine")
    detector = _dominant(failures)
    cases = [
        _case(_cut(failure, conversations.get(failure.trace_id, ()), detector), detector, failures, mode)
        for failure in _in_order(failures, mode)[:TRIED]
    ]
    return next((case for case in cases if case.fails_on_source), cases[0])


def admits(case: EvalCase, messages: Sequence[Message]) -> bool | None:
    """Whether the case's checks fail on the recorded conversation that it came from: True for a case that shows the failure.

    The recorded answer is what follows the case's input, up to the user's next message. None where it cannot be told offline:
    there are no checks, or a check could not decide.
    """
    said = [m for m in messages if role_of(m) != "system" and not _only_marks(m)]
    length = len(case.input) if isinstance(case.input, list | tuple) else 1
    return _fails(case, _until_user(said[length:]))


def _dominant(failures: Sequence[FailureTrace]) -> str | None:
    """The detector whose evidence weighs most over all failures; what can be checked in an answer first, on equal weight.

    Effort counts half: it says that something went wrong, but not what.
    """
    weight: dict[str, float] = defaultdict(float)
    for failure in failures:
        for detector in {s.detector for s in failure.signals}:
            weight[detector] += max(s.severity * s.confidence for s in failure.signals if s.detector == detector)
    if _EFFORT in weight:
        weight[_EFFORT] /= 2
    return max(weight, key=lambda d: (round(weight[d], 9), d in ANSWERABLE, d)) if weight else None


def _in_order(failures: Sequence[FailureTrace], mode: FailureMode | None) -> list[FailureTrace]:
    """Representatives first, then the others as given."""
    known = {failure.trace_id: failure for failure in failures}
    first = [known[id] for id in (mode.representatives if mode else ()) if id in known]
    return [known[id] for id in dict.fromkeys(f.trace_id for f in (*first, *failures))]


def _cut(failure: FailureTrace, messages: Sequence[Message], detector: str | None) -> _Source:
    """The conversation before the failure, and the answer that failed.

    Effort is a matter of the whole conversation: it is cut at the first request. No case is about thanks or a goodbye. System
    messages are left out: they are the agent's own, and another version brings its own.
    """
    own = [s for s in failure.signals if s.detector == detector] or list(failure.signals)
    signal = max(own, key=lambda s: s.severity * s.confidence, default=None)
    users = [i for i, m in enumerate(messages) if role_of(m) == "user" and not _only_marks(m)]
    if not users:
        return _Source(failure, signal, (), ())
    reading = read(Trace("", messages=tuple(messages)))
    at = signal.where.message_index if signal is not None else None
    cut = _last_request(reading, users, len(messages) - 1 if at is None or at >= len(messages) else at, signal)
    follow = next((i for i in users if i > cut), len(messages))
    given = tuple(m for m in messages[: cut + 1] if role_of(m) != "system" and not _only_marks(m))
    after = messages[follow].text if follow < len(messages) else ""
    use = next((u for u in reading.tools if at is not None and at in (u.index, u.result_index)), None)
    return _Source(failure, signal, given, tuple(messages[cut + 1 : follow]), after, use)


def _last_request(reading: Reading, users: Sequence[int], place: int, signal: Signal | None) -> int:
    """The message of the user that the answer which failed at `place` was an answer to."""
    closings = {u.index for u in reading.users if closing(u.plain, u.before)}
    asking = [i for i in users if i not in closings] or list(users)
    if signal is not None and signal.detector == _EFFORT:
        telling = {u.index for u in reading.users if len(words(u.plain)) > 1}
        return next((i for i in asking if i in telling), asking[0])
    own = signal is not None and signal.detector in _USERS_WORD
    return max((i for i in asking if i < place or (i == place and not own)), default=asking[0])


def _only_marks(message: Message) -> bool:
    """Whether a message holds nothing but the mark with which a simulated user ends a conversation."""
    return bool(message.text.strip()) and not spoken(message.text) and not message.tool_calls and role_of(message) != "tool"


def _case(source: _Source, detector: str | None, failures: Sequence[FailureTrace], mode: FailureMode | None) -> EvalCase:
    base = EvalCase(
        id=content_id("case", mode.mode_id if mode else source.failure.trace_id),
        input=_input(source),
        failure_indicator=redact(_sentence(source)),
        tags=tuple(dict.fromkeys([source.failure.signal_type.value, *([detector] if detector else [])])),
        severity=_severity(mode.severity if mode else source.failure.severity),
        mode_id=mode.mode_id if mode else None,
        source_trace_ids=_sources(source, failures),
        status=CaseStatus.DRAFT,
    )
    found, request, down = source.signal.detector if source.signal else "", _request(source), _down(source)
    tool = source.use.name if source.use is not None and source.use.name else "the tool"
    base = replace(base, expected_behaviour=redact(expected(found, request, tool, unavailable=down)))
    for check in _checks(source, down):
        case = replace(base, checks=(check,), layer=Layer.DETERMINISTIC)
        if _fails(case, source.answer):
            return replace(case, fails_on_source=True)
    criteria = rubric(found, request, tool, base.failure_indicator, unavailable=down)
    if found in _USERS_WORD and source.next.strip():
        criteria += (f"Leaves no reason to answer as the user then did: {quoted(spoken(source.next))}",)
    return replace(base, scoring_rubric=criteria, layer=Layer.SEMANTIC)


def _checks(source: _Source, down: bool) -> Iterator[Check]:
    """The checks that may tell the failure, the most telling first.

    Of a backend that is `down` the answer is nobody's fault: only what the agent makes of it is checked.
    """
    signal, use = source.signal, source.use
    if signal is None:
        return
    named = {"name": use.name} if use is not None and use.name else None
    if down:
        if named:
            yield Check("no_repeated_calls", {**named, "max": RETRIES})
        return
    if signal.detector == "tool_error" and use is not None and (signature := _signature(use.result or "")):
        yield Check("not_regex", {"pattern": signature, "in": "tool_results"})
    if signal.detector == "unknown_tool" and named:
        yield Check("tool_not_called", named)
    if signal.detector == "repeated_call" and named:
        yield Check("no_repeated_calls", named)
    if signal.detector in ANSWERABLE:
        yield Check("no_signal", {"detector": signal.detector})
    if signal.detector in ("trace_error", "unanswered_call"):
        yield Check("regex", {"pattern": r"\S"})


def _down(source: _Source) -> bool:
    """Whether a tool failed because what is behind it did not answer."""
    if source.signal is None or source.signal.detector != "tool_error":
        return False
    error = source.use.failure if source.use is not None else None
    return unavailable(error.message if error is not None else source.signal.reason)


def _request(source: _Source) -> str:
    """What the user asked for: in the conversation, else in the failure's own record."""
    return request_in(source.given) if source.given else _recorded_request(source.failure.input_payload)


def _recorded_request(payload: Mapping[str, Any]) -> str:
    """The input of a record; its request where the input only says thanks, and nothing where neither is text."""
    said = [spoken(text) for name in ("input", "request") if isinstance(text := payload.get(name), str)]
    asked = [text for text in said if text.strip() and not closing(plain(text))]
    return next(iter(asked or (text for text in said if text.strip())), "")


def _fails(case: EvalCase, answer: Sequence[Message]) -> bool | None:
    messages = tuple(_chat(m) for m in answer)
    output = next((m.text for m in reversed(answer) if role_of(m) == "agent" and m.text.strip()), "")
    verdicts = [o.passed for o in examine(case, TargetReply(redact(output), messages))]
    if False in verdicts:
        return True
    return None if None in verdicts or not verdicts else False


def _until_user(messages: Sequence[Message]) -> list[Message]:
    end = next((i for i, m in enumerate(messages) if role_of(m) == "user"), len(messages))
    return list(messages[:end])


def _input(source: _Source) -> Any:
    """Text where the user spoke once, else the messages; from the failure's own record where there is no conversation."""
    if not source.given:
        payload = source.failure.input_payload
        text = _recorded_request(payload)
        return redact(text) if text else redact(json.dumps(redact_value(payload), ensure_ascii=False, default=str))
    if len(source.given) == 1 and source.given[0].text.strip():
        return _tidy(redact(spoken(source.given[0].text)))
    return [_chat(m) for m in source.given]


def _chat(message: Message) -> dict[str, Any]:
    """A message in the OpenAI chat shape, redacted."""
    made: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        made["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        made["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        made["name"] = message.name
    return made


def _content(message: Message) -> Any:
    if not isinstance(message.content, str):
        return redact_value(message.content)
    return _tidy(redact(message.content if role_of(message) == "tool" else spoken(message.content)))


def _tidy(text: str) -> str:
    """Text without blanks at line ends, which say nothing and keep YAML from writing it as it is spoken."""
    return _LINE_END.sub("\n", text)


def _arguments(value: Any) -> str:
    return redact(value) if isinstance(value, str) else json.dumps(redact_value(value), ensure_ascii=False)


def _signature(result: str) -> str:
    """The error's own words as a pattern: what differs from one call to the next is left open."""
    error = error_in(result)
    if error is None:
        return ""
    masked = mask(redact(" ".join(error.message.split()))[:_SIGNATURE])
    parts = [re.escape(part).replace(r"\ ", r"\s+") for part in re.split(r"<\w+>|\[[a-z ]+\]", masked)]
    return ".{1,80}?".join(parts).strip() if sum(c.isalpha() for c in masked) >= 4 else ""


def _sentence(source: _Source) -> str:
    """What went wrong; the name of a tool at its beginning stays as it is written."""
    flat = " ".join((source.signal.reason if source.signal else source.failure.failure_reason).split())
    named = source.use is not None and bool(source.use.name) and flat.startswith(source.use.name)
    return flat if named else flat[:1].upper() + flat[1:]


def _severity(share: float) -> int:
    return min(5, max(1, 1 + round(4 * share)))


def _sources(source: _Source, failures: Sequence[FailureTrace]) -> tuple[str, ...]:
    """The trace that the input comes from, then up to four others."""
    return tuple(dict.fromkeys([source.failure.trace_id, *(f.trace_id for f in failures[:4])]))
