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
from loopwright.evaluate.redaction import redact, redact_value
from loopwright.evaluate.signal_checks import ANSWERABLE
from loopwright.evaluate.trial import examine
from loopwright.mine.masking import mask
from loopwright.mine.reading import ToolUse, read, role_of
from loopwright.mine.signal import FailureTrace, Signal
from loopwright.mine.tool_text import error_in

TRIED = 8
"""How many recorded failures of a mode are tried as the source of its draft."""

_USERS_WORD = frozenset({"user_correction", "user_refusal", "user_reask", "human_request", "frustration"})
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
    said = [m for m in messages if role_of(m) != "system"]
    length = len(case.input) if isinstance(case.input, list | tuple) else 1
    return _fails(case, _until_user(said[length:]))


def _dominant(failures: Sequence[FailureTrace]) -> str | None:
    """The detector whose evidence weighs most over all failures; what can be checked in an answer first, on equal weight."""
    weight: dict[str, float] = defaultdict(float)
    for failure in failures:
        for detector in {s.detector for s in failure.signals}:
            weight[detector] += max(s.severity * s.confidence for s in failure.signals if s.detector == detector)
    return max(weight, key=lambda d: (round(weight[d], 9), d in ANSWERABLE, d)) if weight else None


def _in_order(failures: Sequence[FailureTrace], mode: FailureMode | None) -> list[FailureTrace]:
    """Representatives first, then the others as given."""
    known = {failure.trace_id: failure for failure in failures}
    first = [known[id] for id in (mode.representatives if mode else ()) if id in known]
    return [known[id] for id in dict.fromkeys(f.trace_id for f in (*first, *failures))]


def _cut(failure: FailureTrace, messages: Sequence[Message], detector: str | None) -> _Source:
    """The conversation before the failure, and the answer that failed.

    System messages are left out: they are the agent's own, and another version brings its own.
    """
    own = [s for s in failure.signals if s.detector == detector] or list(failure.signals)
    signal = max(own, key=lambda s: s.severity * s.confidence, default=None)
    users = [i for i, m in enumerate(messages) if role_of(m) == "user"]
    if not users:
        return _Source(failure, signal, (), ())
    at = signal.where.message_index if signal is not None else None
    place = len(messages) - 1 if at is None or at >= len(messages) else at
    before = [i for i in users if i < place or (i == place and (signal is None or signal.detector not in _USERS_WORD))]
    cut = before[-1] if before else users[0]
    follow = next((i for i in users if i > cut), len(messages))
    given = tuple(m for m in messages[: cut + 1] if role_of(m) != "system")
    after = messages[follow].text if follow < len(messages) else ""
    uses = read(Trace("", messages=tuple(messages))).tools
    use = next((u for u in uses if at is not None and at in (u.index, u.result_index)), None)
    return _Source(failure, signal, given, tuple(messages[cut + 1 : follow]), after, use)


def _case(source: _Source, detector: str | None, failures: Sequence[FailureTrace], mode: FailureMode | None) -> EvalCase:
    base = EvalCase(
        id=content_id("case", mode.mode_id if mode else source.failure.trace_id),
        input=_input(source),
        failure_indicator=redact(_sentence(source.signal.reason if source.signal else source.failure.failure_reason)),
        tags=tuple(dict.fromkeys([source.failure.signal_type.value, *([detector] if detector else [])])),
        severity=_severity(mode.severity if mode else source.failure.severity),
        mode_id=mode.mode_id if mode else None,
        source_trace_ids=_sources(source, failures),
        status=CaseStatus.DRAFT,
    )
    for expected, check in _templates(source):
        case = replace(base, expected_behaviour=redact(expected), checks=(check,), layer=Layer.DETERMINISTIC)
        if _fails(case, source.answer):
            return replace(case, fails_on_source=True)
    return replace(base, expected_behaviour=_wanted(source, mode), scoring_rubric=_rubric(source, base), layer=Layer.SEMANTIC)


def _templates(source: _Source) -> Iterator[tuple[str, Check]]:
    """What the agent should do and the check that says so, the most telling first."""
    signal, use = source.signal, source.use
    if signal is None:
        return
    tool = use.name if use is not None and use.name else "the tool"
    if signal.detector == "tool_error" and use is not None:
        signature = _signature(use.result or "")
        if signature:
            check = Check("not_regex", {"pattern": signature, "in": "tool_results"})
            yield f"Calls {tool} so that it does not answer with this error.", check
    if signal.detector == "unknown_tool" and use is not None and use.name:
        yield f"Does without {tool}, which does not exist.", Check("tool_not_called", {"name": use.name})
    if signal.detector == "repeated_call" and use is not None and use.name:
        yield (
            f"Calls {tool} once with the same arguments, and works with the answer.",
            Check("no_repeated_calls", {"name": use.name}),
        )
    if signal.detector in ANSWERABLE:
        yield _EXPECTED[signal.detector].format(tool=tool), Check("no_signal", {"detector": signal.detector})
    if signal.detector in ("trace_error", "unanswered_call"):
        yield "Answers the user.", Check("regex", {"pattern": r"\S"})


_EXPECTED = {
    "tool_error": "Calls {tool} so that it does not answer with an error.",
    "unknown_tool": "Calls only tools that exist.",
    "malformed_arguments": "Calls {tool} with arguments that are valid JSON.",
    "repeated_call": "Does not make the same call again and again.",
    "unanswered_call": "Makes no call that stays without an answer.",
    "execution_error": "Writes code and commands that run.",
    "agent_admission": "Does what the user asks, instead of saying that it could not.",
    "agent_loop": "Moves on, instead of saying the same again.",
}


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
        text = payload.get("input") if isinstance(payload.get("input"), str) else None
        return (
            redact(text) if text and text.strip() else redact(json.dumps(redact_value(payload), ensure_ascii=False, default=str))
        )
    if len(source.given) == 1 and source.given[0].text.strip():
        return _tidy(redact(source.given[0].text))
    return [_chat(m) for m in source.given]


def _chat(message: Message) -> dict[str, Any]:
    """A message in the OpenAI chat shape, redacted."""
    made: dict[str, Any] = {"role": message.role, "content": _spoken(message.content)}
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


def _spoken(content: Any) -> Any:
    return _tidy(redact(content)) if isinstance(content, str) else redact_value(content)


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


def _wanted(source: _Source, mode: FailureMode | None) -> str:
    if mode is not None and mode.possible_fix:
        return redact(mode.possible_fix)
    return "Does what the user asks for, so that the user need not correct it, ask again or give up."


def _rubric(source: _Source, case: EvalCase) -> tuple[str, ...]:
    """Criteria for a judge: the request is met, the failure is not repeated, and what the user had to add is taken care of."""
    asked = next((m.text for m in reversed(source.given) if role_of(m) == "user" and m.text.strip()), "")
    criteria = [
        f"Answers what the user asked: {_quoted(asked)}" if asked else "Answers what the user asked.",
        f"Does not repeat the recorded failure: {case.failure_indicator}" if case.failure_indicator else "",
    ]
    if source.signal is not None and source.signal.detector in _USERS_WORD and source.next.strip():
        criteria.append(f"Leaves no reason to answer as the user then did: {_quoted(source.next)}")
    return tuple(c for c in criteria if c)


def _quoted(text: str, width: int = 200) -> str:
    flat = " ".join(redact(text).split())
    return f'"{flat}"' if len(flat) <= width else f'"{flat[: width - 1]}…"'


def _sentence(text: str) -> str:
    flat = " ".join(text.split())
    return flat[:1].upper() + flat[1:]


def _severity(share: float) -> int:
    return min(5, max(1, 1 + round(4 * share)))


def _sources(source: _Source, failures: Sequence[FailureTrace]) -> tuple[str, ...]:
    """The trace that the input comes from, then up to four others."""
    return tuple(dict.fromkeys([source.failure.trace_id, *(f.trace_id for f in failures[:4])]))
