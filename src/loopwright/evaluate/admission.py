"""Admission: a draft counts only where it was seen to tell its failure from conversations that went well.

Three things are tried on recordings: the checks fail on the conversation that the draft came from; they do not fail in most
sound conversations, where there are any to compare with; and they test what was done or said, not the very words on record. A
draft that is not admitted is kept with the reason: a person may mend it, or approve it and say why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.collect.trace import Message
from loopwright.effects import TargetReply
from loopwright.evaluate.case import EvalCase, Layer
from loopwright.evaluate.recording import chat, said
from loopwright.evaluate.redaction import redact
from loopwright.evaluate.trial import examine
from loopwright.mine.reading import role_of
from loopwright.wording import counted

VERBATIM = 60
"""Text of this many characters, taken word for word from the recorded answer, is a recording and no expectation."""

_ON_TEXT = {"exact": "value", "contains": "value", "not_contains": "value", "regex": "pattern", "not_regex": "pattern"}


@dataclass(frozen=True, slots=True)
class Admission:
    """What was tried of a draft.

    `fails_on_source` is None where it cannot be told offline. The checks passed in `passed` and failed in `failed` of the
    sound conversations that they were tried on. `why_not` says why the draft is not admitted, and is empty where it is.
    """

    fails_on_source: bool | None
    passed: int = 0
    failed: int = 0
    why_not: str = ""

    @property
    def admitted(self) -> bool:
        """Whether the draft shows its failure, and not merely a difference."""
        return not self.why_not


def admit(case: EvalCase, source: Sequence[Message], sound: Sequence[Sequence[Message]] = ()) -> Admission:
    """Try a draft on the recorded conversation that it came from, and on `sound` ones that are comparable with it."""
    fails = fails_on(case, recorded_answer(case, source))
    verdicts = [fails_on(case, messages) for messages in sound] if case.checks else []
    passed, failed = verdicts.count(False), verdicts.count(True)
    return Admission(fails, passed, failed, _why_not(case, source, fails, passed, failed))


def _why_not(case: EvalCase, source: Sequence[Message], fails: bool | None, passed: int, failed: int) -> str:
    if not case.checks:
        return "it has no checks: only a judge or a person can tell whether it shows the failure"
    if fails is None:
        return "its checks could not decide on the recorded failure"
    if not fails:
        return "its checks pass on the recorded failure"
    copied = verbatim(case, source)
    if copied:
        return f"{copied} compares with the very words on record, so that it tells another answer, and not a failure"
    if failed > passed:
        tried = f"{failed} of {counted(failed + passed, 'sound conversation')}"
        return f"its checks fail in {tried} that they were tried on too, so that they tell no failure"
    return ""


def verbatim(case: EvalCase, source: Sequence[Message]) -> str:
    """The type of the first check that compares the answer with its own recorded words; empty where there is none."""
    spoken = [_flat(redact(m.text)) for m in recorded_answer(case, source) if role_of(m) == "agent" and m.text.strip()]
    for check in case.checks:
        wanted = _flat(str(check.options.get(_ON_TEXT.get(check.type, ""), "")).replace("\\", ""))
        if wanted and any(wanted == text or (len(wanted) >= VERBATIM and wanted in text) for text in spoken):
            return check.type
    return ""


def recorded_answer(case: EvalCase, messages: Sequence[Message]) -> list[Message]:
    """The part of a recorded conversation that the case is about.

    A behavioral case is about the whole; any other about what follows its input, up to the user's next message.
    """
    heard = said(messages)
    if case.layer is Layer.BEHAVIORAL:
        return heard
    rest = heard[len(case.input) if isinstance(case.input, list | tuple) else 1 :]
    end = next((i for i, m in enumerate(rest) if role_of(m) == "user"), len(rest))
    return rest[:end]


def fails_on(case: EvalCase, answer: Sequence[Message]) -> bool | None:
    """Whether the case's checks fail on recorded messages; None where there are none, or one could not decide."""
    output = next((m.text for m in reversed(answer) if role_of(m) == "agent" and m.text.strip()), "")
    verdicts = [o.passed for o in examine(case, TargetReply(redact(output), tuple(map(chat, answer))))]
    if False in verdicts:
        return True
    return None if None in verdicts or not verdicts else False


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())
