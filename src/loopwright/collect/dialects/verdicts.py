"""Evaluation results and annotations, as the dialects write them, become `Feedback`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loopwright.collect.dialects.reading import decoded, number, text
from loopwright.collect.dialects.span_events import events_named
from loopwright.collect.feedback import read_feedback
from loopwright.collect.times import moment
from loopwright.collect.trace import Feedback, Span

EVALUATION_EVENT = "gen_ai.evaluation.result"
FEEDBACK = "loopwright.feedback"
"""The attribute that `loopwright.feedback()` writes a person's verdict to, as JSON."""

_SOURCES = {"HUMAN": "user", "LLM": "model", "CODE": "code"}
_KINDS = {
    "thumb": "thumb", "thumbs": "thumb", "user_feedback": "thumb", "rating": "rating", "stars": "rating",
    "correction": "correction", "escalation": "escalation", "comment": "comment",
}  # fmt: skip
_LABELS = {
    "pass": False, "passed": False, "good": False, "correct": False, "positive": False, "up": False,
    "fail": True, "failed": True, "bad": True, "incorrect": True, "negative": True, "down": True,
    "factual": False, "relevant": False, "faithful": False, "ok": False, "non-toxic": False,
    "hallucinated": True, "irrelevant": True, "unrelated": True, "unfaithful": True, "toxic": True, "frustrated": True,
}  # fmt: skip
_GOOD = frozenset(
    {"accurate", "accuracy", "complete", "correct", "correctness", "faithful", "faithfulness", "good", "grounded",
     "groundedness", "helpful", "helpfulness", "ok", "pass", "passed", "relevance", "relevant", "resolved", "safe", "solved",
     "succeeded", "success", "valid"}
)  # fmt: skip
_BAD = frozenset(
    {"bad", "error", "fail", "failed", "failure", "frustrated", "frustration", "hallucinated", "hallucination", "harmful",
     "incorrect", "invalid", "jailbreak", "leak", "toxic", "toxicity", "unfaithful", "unhelpful", "unsafe", "wrong"}
)  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def evaluations(span: Span) -> tuple[Feedback, ...]:
    """The verdicts among a span's events."""
    return tuple(verdict for event in events_named(span, (EVALUATION_EVENT,)) for verdict in evaluation(event))


def evaluation(attributes: Mapping[str, Any]) -> tuple[Feedback, ...]:
    """The verdicts of a `gen_ai.evaluation.result` event; none where it has neither score nor label nor explanation."""
    own = decoded(attributes.get(FEEDBACK))
    if own is not None:
        found: tuple[Feedback, ...] = read_feedback(own)
    else:
        told = {
            "name": attributes.get("gen_ai.evaluation.name"),
            "score": number(attributes.get("gen_ai.evaluation.score.value")),
            "label": text(attributes.get("gen_ai.evaluation.score.label")),
            "explanation": text(attributes.get("gen_ai.evaluation.explanation")),
            "error": text(attributes.get("error.type")),
        }
        one = verdict(told)
        found = () if one is None else (one,)
    at = attributes.get("event.at")
    return tuple(replace(item, at=item.at or moment(at, "event.at")) for item in found) if isinstance(at, str) else found


def verdict(item: Mapping[str, Any]) -> Feedback | None:
    """`{"name","score","label","explanation","annotator_kind"}` as feedback.

    A name that is a kind of feedback (thumb, rating, ...) is read as one; any other is an evaluation, whose label tells whether
    it is bad (pass, fail, ...). A score of true or false tells it where the name says which is good (`is_correct`,
    `hallucination`), and a number never: its scale is not known.
    """
    name = str(item.get("name") or "")
    score, label = item.get("score"), item.get("label")
    comment = str(item.get("explanation") or item.get("error") or "")
    source = _SOURCES.get(str(item.get("annotator_kind") or "").upper(), "system")
    value = score if label is None else label
    if value is None and not comment:
        return None
    kind = _KINDS.get(name.lower())
    shared = {"comment": comment, "source": source}
    if kind:
        return read_feedback({"kind": kind, **({} if value is None else {"value": value}), **shared})[0]
    negative = _LABELS.get(str(label).lower()) if label is not None else None
    if negative is None and isinstance(score, bool):
        negative = _bad_answer(name, score)
    told = " ".join(part for part in (f"{name}:" if name and comment else name, comment) if part)
    return Feedback("evaluation", value if isinstance(value, bool | int | float | str) else None, negative, told, source)


def _bad_answer(name: str, answer: bool) -> bool | None:
    """Whether yes or no to a question of that name is bad; None where its words do not tell, or are turned round (`not_safe`)."""
    words = {word.lower() for word in _WORD.findall(name)}
    good, bad = bool(words & _GOOD), bool(words & _BAD)
    return None if good == bad or words & {"no", "non", "not", "without"} else answer is bad
