"""Detectors of what the user says against the agent: corrections, refusals, re-asks, calls for a person, feedback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.collect.trace import Feedback, Trace
from loopwright.mine.agent_wording import CONFIRMS, INABILITY, OFFERS_MORE, PERSON_TEXT
from loopwright.mine.detector import Context
from loopwright.mine.likeness import cosine, likeness, words
from loopwright.mine.reading import Utterance, read
from loopwright.mine.signal import FailureSignal, Signal, Where
from loopwright.mine.user_wording import (
    AFFIRMS,
    ALTERNATIVES,
    CHANGES_MIND,
    CLOSES,
    CORRECTIONS,
    DISLIKES,
    NEW_VALUE,
    NOT_A_CORRECTION,
    NOT_A_PERSON,
    REFUSES,
    REQUEST,
    SETTLES,
    WANTS_A_PERSON,
)
from loopwright.mine.wording import clip, strongest

USER = FailureSignal.USER_CORRECTION
LONG = 400
"""In a message of more characters, wording says less about the agent."""
DIRECT = 0.7
"""A correction this sure is meant for the agent, whatever rules it has named."""
LOOK_BACK = 6
"""A re-ask is looked for among this many of the user's turns before."""


def corrections(trace: Trace, context: Context) -> Iterator[Signal]:
    """The user says that the agent is wrong, did not do what was asked, or repeats what was said before."""
    for said in context.reading.users:
        if not said.before:
            continue
        found = strongest(CORRECTIONS, NOT_A_CORRECTION.sub(" ", said.plain))
        if found is not None:
            long = 0.7 if len(said.plain) > LONG else 1.0
            direct = found.confidence >= DIRECT
            credence = 1.0 if direct else context.reading.credence(said.index)
            confidence = round(found.confidence * long * credence, 3)
            yield Signal(
                USER, "user_correction", 0.6, confidence, f"the user {found.name}: {clip(said.text)}", Where((), said.index),
                summary=f"the user {found.name}",
            )  # fmt: skip


def refusals(trace: Trace, context: Context) -> Iterator[Signal]:
    """The user refuses what the agent offers or reads back, or asks for something else. Weak unless a new value comes with it."""
    for said in context.reading.users:
        if not said.before:
            continue
        found = _refusal(said)
        if found is not None:
            what, sure = found
            confidence = round(sure * context.reading.credence(said.index), 3)
            yield Signal(
                USER, "user_refusal", 0.15, confidence, f"the user {what}: {clip(said.text)}", Where((), said.index),
                summary=f"the user {what}",
            )  # fmt: skip


def _refusal(said: Utterance) -> tuple[str, float] | None:
    refuses = REFUSES.match(said.plain)
    if refuses is not None:
        rest = said.plain[refuses.end() :]
        if NOT_A_CORRECTION.match(said.plain):
            return None
        if OFFERS_MORE.search(said.before) or CLOSES.search(rest) or SETTLES.search(rest):
            failed = strongest(INABILITY, said.before) is not None
            return ("leaves after the agent could not help", 0.2) if failed else None
        if NEW_VALUE.search(rest) and CONFIRMS.search(said.before):
            return "refuses what the agent reads back, and says what it should be", 0.45
        return "refuses what the agent offers", 0.35
    if ALTERNATIVES.search(said.plain) and not CLOSES.search(said.plain):
        return "asks for something other than what the agent gave", 0.15
    if CHANGES_MIND.search(said.plain):
        return "changes what was asked for", 0.15
    if DISLIKES.search(said.plain):
        return "does not like what the agent gave", 0.12
    return None


def reask_texts(trace: Trace) -> Sequence[str]:
    """What `reasks` would like embedded: the user's turns, where there are two or more."""
    said = [u.text for u in read(trace).users if len(words(u.plain)) > 1]
    return said if len(said) > 1 else ()


def reasks(trace: Trace, context: Context) -> Iterator[Signal]:
    """The user asks the same again, rephrased or not, after the agent has answered.

    Likeness is of words; where vectors are supplied, of meaning too, and the stronger counts.
    """
    users = context.reading.users
    bags = [words(u.plain) for u in users]
    for at, said in enumerate(users):
        if len(bags[at]) < 2 or not said.before:
            continue
        best = 0.0
        for earlier in range(max(0, at - LOOK_BACK), at):
            answered = any(users[earlier].index < agent.index < said.index for agent in context.reading.agents)
            if answered and len(bags[earlier]) > 1:
                alike = likeness(bags[at], bags[earlier])
                best = max(best, _meaning(users[earlier].text, said.text, context.vectors), alike)
        confidence = _reask_confidence(best, said)
        if confidence > 0:
            yield Signal(
                USER, "user_reask", 0.4, confidence, f"the user asks again what was asked before: {clip(said.text)}",
                Where((), said.index), summary="the user asks again what was asked before",
            )  # fmt: skip


def _meaning(one: str, other: str, vectors: Any) -> float:
    """Cosine of the two texts, moved to the scale of `likeness`: 0.7 and less is nothing, 0.95 and more the same."""
    if one not in vectors or other not in vectors:
        return 0.0
    return min(1.0, max(0.0, (cosine(vectors[one], vectors[other]) - 0.7) / 0.25))


def _reask_confidence(alike: float, said: Utterance) -> float:
    """A request said again counts in full; an answer that resembles an earlier one, such as a confirmation, hardly does."""
    if alike < 0.5 or AFFIRMS.match(said.plain):
        return 0.0
    confidence = min(0.8, 0.2 + 1.2 * (alike - 0.5))
    return round(confidence if REQUEST.search(said.plain) else 0.4 * confidence, 3)


def person_requests(trace: Trace, context: Context) -> Iterator[Signal]:
    """The user asks for a human, or for someone above the agent."""
    for said in context.reading.users:
        match = WANTS_A_PERSON.search(NOT_A_PERSON.sub(" ", said.plain))
        if match is not None:
            sure = 0.3 if PERSON_TEXT.search(said.before) else 0.5
            confidence = round(sure * context.reading.credence(said.index), 3)
            yield Signal(
                USER, "human_request", 0.35, confidence, f"the user asks for a person: {clip(said.text)}",
                Where((), said.index), summary="the user asks for a person",
            )  # fmt: skip


def feedback(trace: Trace, context: Context) -> Iterator[Signal]:
    """Explicit feedback against the trace: thumbs down, a low rating, a correction, an escalation.

    A failed evaluation counts as a judge's signal.
    """
    for given in trace.feedback:
        if given.negative is not True and given.kind not in ("correction", "escalation"):
            continue
        if given.negative is False:
            continue
        judged = given.kind == "evaluation"
        what = _FEEDBACK_WORDS[given.kind]
        said = f": {clip(given.comment)}" if given.comment else ""
        place = given.message_index if given.message_index is not None else _rated_message(context)
        yield Signal(
            FailureSignal.LLM_JUDGE_FAIL if judged else USER,
            "negative_feedback",
            0.6 if judged else 0.9 if given.kind in ("correction", "escalation") else 0.8,
            0.7 if judged else 0.95,
            f"{what} ({_value(given)}){said}" if given.value is not None else f"{what}{said}",
            Where((), place),
            summary=what,
            words=given.comment.strip(),
        )


_FEEDBACK_WORDS = {
    "thumb": "the user gave a thumbs down",
    "rating": "the user gave a low rating",
    "correction": "a person corrected the output",
    "escalation": "the conversation was escalated",
    "evaluation": "an automated evaluation failed",
    "comment": "the user left a negative comment",
}


def _value(given: Feedback) -> str:
    return f"{given.source}: {given.value}"[:60]


def _rated_message(context: Context) -> int | None:
    users = context.reading.users
    return users[-1].index if users else context.reading.last_index
