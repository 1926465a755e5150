"""A draft case from a failure mode, without a model: what the agent was asked, and checks that saw it fail.

A check that only says "answers otherwise than recorded" is useless. Two things are drafted from a recorded failure: a case of
the turn that failed, whose checks say what its signal is about; and a case of the whole conversation, whose checks say what it
should have come to (see `outcome`), first where the agent recovered from the error. Each is tried on recordings (see
`admission`), and the first that is admitted is the draft.
Only a person approves it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from loopwright.audit.digest import content_id
from loopwright.cluster.mode import FailureMode
from loopwright.collect.trace import Message
from loopwright.errors import UsageError
from loopwright.evaluate.admission import admit, fails_on, recorded_answer
from loopwright.evaluate.case import CaseStatus, Check, EvalCase, Layer
from loopwright.evaluate.expectation import RETRIES, expected, expected_outcome, quoted, rubric
from loopwright.evaluate.outcome import outcome
from loopwright.evaluate.redaction import redact, redact_value
from loopwright.evaluate.signal_checks import ANSWERABLE
from loopwright.evaluate.source import EFFORT, USERS_WORD, Source, as_input, cut, users_side
from loopwright.evaluate.surroundings import NOWHERE, Recorded, Surroundings
from loopwright.mine.masking import mask
from loopwright.mine.signal import FailureTrace
from loopwright.mine.speech import spoken
from loopwright.mine.tool_text import error_in

TRIED = 8
"""How many recorded failures of a mode are tried as the source of its draft."""

_SIGNATURE = 100


def draft(
    failures: Sequence[FailureTrace],
    conversations: Mapping[str, Sequence[Message]],
    mode: FailureMode | None = None,
    surroundings: Surroundings = NOWHERE,
) -> EvalCase:
    """A draft for a failure mode, or with `mode` None for a one-off.

    `failures` are its members, best first; `conversations` holds messages by trace id, as far as known; `surroundings` are other
    recorded conversations of the agent to compare with. The source is the first representative with a draft that is admitted,
    else with one that fails on it, else the first; `not_admitted` then says why. The id is derived from the mode's (or the
    trace's), so that drafting again gives the same case. Production text in it is redacted. Raises `UsageError` without failures.
    """
    if not failures:
        raise UsageError("there is no failure to draft a case from; run: loopwright mine")
    detector = _dominant(failures)
    found: list[EvalCase] = []
    for failure in _in_order(failures, mode)[:TRIED]:
        messages = conversations.get(failure.trace_id, ())
        base = _base(cut(failure, messages, detector), detector, failures, mode)
        found.append(_best(base, cut(failure, messages, detector), messages, surroundings))
        if not found[-1].not_admitted:
            break
    return min(found, key=lambda case: (bool(case.not_admitted), not case.fails_on_source))


def admits(case: EvalCase, messages: Sequence[Message]) -> bool | None:
    """Whether the case's checks fail on the recorded conversation that it came from: True for a case that shows the failure.

    None where it cannot be told offline: there are no checks, or a check could not decide.
    """
    return fails_on(case, recorded_answer(case, messages))


def _best(base: EvalCase, source: Source, messages: Sequence[Message], surroundings: Surroundings) -> EvalCase:
    """The first case of a source that is admitted, else the first that fails on it, else the one that a judge decides."""
    failure, tried = source.failure, []
    whole, elsewhere = (
        surroundings.comparable(failure.trace_id, messages, failure.agent, whole=whole) for whole in (True, False)
    )
    turn, outcomes = tuple(_of_the_turn(base, source)), tuple(_of_the_outcome(base, source, messages, whole))
    for case in (*outcomes, *turn) if source.recovered else (*turn, *outcomes):
        compared = whole if case.layer is Layer.BEHAVIORAL else elsewhere
        admission = admit(case, messages, [recorded.messages for recorded in compared])
        if admission.fails_on_source:
            tried.append(replace(case, fails_on_source=True, not_admitted=admission.why_not))
        if admission.admitted:
            return tried[-1]
    if tried:
        return tried[0]
    judged = _judged(base, source)
    return replace(judged, not_admitted=admit(judged, messages).why_not)


def _dominant(failures: Sequence[FailureTrace]) -> str | None:
    """The detector whose evidence weighs most over all failures; what can be checked in an answer first, on equal weight.

    Effort counts half: it says that something went wrong, but not what.
    """
    weight: dict[str, float] = defaultdict(float)
    for failure in failures:
        for detector in {s.detector for s in failure.signals}:
            weight[detector] += max(s.severity * s.confidence for s in failure.signals if s.detector == detector)
    if EFFORT in weight:
        weight[EFFORT] /= 2
    return max(weight, key=lambda d: (round(weight[d], 9), d in ANSWERABLE, d)) if weight else None


def _in_order(failures: Sequence[FailureTrace], mode: FailureMode | None) -> list[FailureTrace]:
    """Representatives first, then the others as given."""
    known = {failure.trace_id: failure for failure in failures}
    first = [known[id] for id in (mode.representatives if mode else ()) if id in known]
    return [known[id] for id in dict.fromkeys(f.trace_id for f in (*first, *failures))]


def _base(source: Source, detector: str | None, failures: Sequence[FailureTrace], mode: FailureMode | None) -> EvalCase:
    """What every draft from a source has."""
    return EvalCase(
        id=content_id("case", mode.mode_id if mode else source.failure.trace_id),
        input=source.input(),
        expected_behaviour=redact(expected(source.detector, source.request, source.tool, unavailable=source.down)),
        failure_indicator=redact(source.sentence),
        tags=tuple(dict.fromkeys([source.failure.signal_type.value, *([detector] if detector else [])])),
        severity=_severity(mode.severity if mode else source.failure.severity),
        mode_id=mode.mode_id if mode else None,
        source_trace_ids=_sources(source, failures),
        status=CaseStatus.DRAFT,
    )


def _of_the_turn(base: EvalCase, source: Source) -> Iterator[EvalCase]:
    """A case for each check that may tell the turn's failure."""
    return (replace(base, checks=(check,), layer=Layer.DETERMINISTIC) for check in _checks(source))


def _of_the_outcome(base: EvalCase, source: Source, messages: Sequence[Message], alike: Sequence[Recorded]) -> Iterator[EvalCase]:
    """A case of the whole conversation, where something can be said of its outcome.

    Its input is the user's side alone: the agent's own turns led to the failure, and another agent takes its own.
    """
    found = outcome(messages, alike) if messages and not source.down else None
    if found is not None:
        yield replace(
            base,
            input=as_input(users_side(messages, found.before)),
            layer=Layer.BEHAVIORAL,
            checks=tuple(Check(check.type, redact_value(check.options)) for check in found.checks),
            expected_behaviour=redact(expected_outcome(source.request, found.wanted)),
            failure_indicator=redact(found.told),
            tags=(*base.tags, "outcome"),
        )


def _judged(base: EvalCase, source: Source) -> EvalCase:
    """A case that only a judge can decide."""
    criteria = rubric(source.detector, source.request, source.tool, base.failure_indicator, unavailable=source.down)
    if source.detector in USERS_WORD and source.next.strip():
        criteria += (f"Leaves no reason to answer as the user then did: {quoted(spoken(source.next))}",)
    return replace(base, scoring_rubric=criteria, layer=Layer.SEMANTIC)


def _checks(source: Source) -> Iterator[Check]:
    """The checks that may tell the failure, the most telling first.

    Of a backend that is down the answer is nobody's fault: only what the agent makes of it is checked.
    """
    use, detector = source.use, source.detector
    named = {"name": use.name} if use is not None and use.name else None
    if source.down:
        if named:
            yield Check("no_repeated_calls", {**named, "max": RETRIES})
        return
    if detector == "tool_error" and use is not None and (signature := _signature(use.result or "")):
        yield Check("not_regex", {"pattern": signature, "in": "tool_results"})
    if detector == "unknown_tool" and named:
        yield Check("tool_not_called", named)
    if detector == "repeated_call" and named:
        yield Check("no_repeated_calls", named)
    if detector in ANSWERABLE:
        yield Check("no_signal", {"detector": detector})
    if detector in ("trace_error", "unanswered_call"):
        yield Check("regex", {"pattern": r"\S"})


def _signature(result: str) -> str:
    """The error's own words as a pattern: what differs from one call to the next is left open."""
    error = error_in(result)
    if error is None:
        return ""
    masked = mask(redact(" ".join(error.message.split()))[:_SIGNATURE])
    parts = [re.escape(part).replace(r"\ ", r"\s+") for part in re.split(r"<\w+>|\[[a-z ]+\]", masked)]
    return ".{1,80}?".join(parts).strip() if sum(c.isalpha() for c in masked) >= 4 else ""


def _severity(share: float) -> int:
    return min(5, max(1, 1 + round(4 * share)))


def _sources(source: Source, failures: Sequence[FailureTrace]) -> tuple[str, ...]:
    """The trace that the input comes from, then up to four others."""
    return tuple(dict.fromkeys([source.failure.trace_id, *(f.trace_id for f in failures[:4])]))
