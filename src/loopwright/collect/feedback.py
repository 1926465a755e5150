"""A person's verdict, in whatever shape it was recorded, becomes `Feedback`.

Nothing is dropped: what is not understood is kept as a comment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from loopwright.collect.times import moment
from loopwright.collect.trace import Feedback
from loopwright.errors import RecordError

THUMBS: dict[str, bool] = {
    **dict.fromkeys(
        ("up", "thumb_up", "thumbs_up", "thumbsup", "like", "liked", "positive", "good", "+1", "1", "true", "👍"), True
    ),
    **dict.fromkeys(
        ("down", "thumb_down", "thumbs_down", "thumbsdown", "dislike", "disliked", "negative", "bad", "-1", "false", "👎"), False
    ),
}
ESCALATIONS = frozenset({"escalation", "escalate", "escalated", "handoff", "human_handoff"})

_KEYS = {
    "thumb": ("thumb", "thumbs"),
    "rating": ("rating", "stars"),
    "correction": ("correction", "corrected", "corrected_output"),
    "escalation": ("escalation", "escalated", "escalate"),
    "evaluation": ("score", "label"),
}
_COMMENT_KEYS = ("comment", "text", "reason", "explanation")
_SHARED_KEYS = frozenset({"source", "message_index", "at", "timestamp", "negative"})


def read_feedback(value: Any) -> tuple[Feedback, ...]:
    """The verdicts in a record's `feedback`: a thumb, a rating, a text, an object, or a list of these; None is none.

    `true`, `1`, `"up"`, `"thumbs_up"` are a thumb up, their opposites a thumb down; any other number is a rating; `"escalated"`
    is an escalation; any other text is a comment. Objects are read by their keys (see `read_object`).
    """
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return tuple(verdict for item in value for verdict in read_feedback(item))
    if isinstance(value, Mapping):
        return read_object(value)
    if isinstance(value, str):
        return (_from_text(value),)
    thumb = _thumb(value)
    if thumb is not None:
        return (Feedback("thumb", thumb, not thumb),)
    number = _number(value)
    if number is not None:
        return (Feedback("rating", number, _bad_rating(number, None)),)
    return (Feedback("comment", comment=_as_text(value)),)


def check_ratings(value: Any) -> None:
    """Whether the ratings in feedback stand on the scales that are given with them; raises `RecordError` for one that does not.

    A rating is a finite number, `max` one above 0, and a rating beside its `max` lies between 0 and that.
    """
    for item in value if isinstance(value, list | tuple) else [value]:
        given, scale = (_rating(item), item.get("max")) if isinstance(item, Mapping) else (item, None)
        rating, top = _as_number(given), _as_number(scale)
        if rating is None:
            continue
        if not math.isfinite(rating):
            raise RecordError(f"the rating is {rating}", cure="give a finite number, or leave it out")
        if top is not None and not (math.isfinite(top) and top > 0):
            raise RecordError(f"the rating's max is {top:g}", cure="give the best rating there is, a number above 0")
        if top is not None and not 0 <= rating <= top:
            raise RecordError(f"the rating is {rating:g}, of {top:g}", cure=f"give 0 to {top:g}, or the max of its scale")


def _rating(item: Mapping[str, Any]) -> Any:
    """The rating in an object, under whatever key it stands."""
    named = next((item[key] for key in _KEYS["rating"] if item.get(key) is not None), None)
    return item.get("value") if named is None and str(item.get("kind", item.get("type"))).lower() in _KEYS["rating"] else named


def _as_number(value: Any) -> float | None:
    """A number as it is, finite or not; None for anything else."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return math.inf


def read_object(item: Mapping[str, Any]) -> tuple[Feedback, ...]:
    """The verdicts in one object: `{"kind","value","comment"}`, or by key: thumb, rating (of `max`), correction, escalated.

    Several keys make several verdicts; `comment`, `source`, `message_index` and `at` belong to each of them. What is not
    understood is kept in the comment, as JSON.
    """
    try:
        shared = _shared(item)
    except RecordError:
        return (Feedback("comment", comment=_as_text(item)),)
    found: list[Feedback] = []
    read = {*_SHARED_KEYS, shared.pop("comment_key")}
    for kind, key in _named(item):
        verdict = _of_kind(kind, item[key], item)
        if verdict is not None:
            found.append(verdict)
            read |= {key, "max", "kind", "type"}
    left = {key: value for key, value in item.items() if key not in read and value is not None}
    notes = [shared.pop("comment"), _as_text(left) if left else ""]
    return tuple(_with(verdict, shared, notes) for verdict in found or [Feedback("comment")])


def _named(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the object's keys say: pairs of a kind and the key that holds its value."""
    kind = item.get("kind", item.get("type"))
    if isinstance(kind, str):
        return [(kind.lower(), "value")] if "value" in item else [(kind.lower(), "kind" if "kind" in item else "type")]
    pairs = [(name, key) for name, keys in _KEYS.items() for key in keys if item.get(key) is not None]
    return pairs or ([("", "value")] if "value" in item else [])


def _of_kind(kind: str, value: Any, item: Mapping[str, Any]) -> Feedback | None:
    """The verdict of that kind; None where the value does not fit it."""
    if kind in ("thumb", "thumbs"):
        thumb = _thumb(value)
        return None if thumb is None else Feedback("thumb", thumb, not thumb)
    if kind in ("rating", "stars"):
        number = _number(value)
        return None if number is None else Feedback("rating", number, _bad_rating(number, _number(item.get("max"))))
    if kind in _KEYS["correction"]:
        text = value if isinstance(value, str) and value != kind else None
        return Feedback("correction", text, negative=True) if text is not None or value in (True, kind, None) else None
    if kind in ESCALATIONS:
        raised = value is not False
        return Feedback("escalation", raised, raised, comment=value if isinstance(value, str) and value.lower() != kind else "")
    if kind in ("evaluation", "score", "label"):
        return _evaluation(value)
    if kind == "comment":
        return Feedback("comment", comment=value) if isinstance(value, str) and value != kind else None
    return _plain(kind, value)


def _plain(kind: str, value: Any) -> Feedback | None:
    """A verdict whose kind says it all (`{"kind":"thumbs_down"}`), or that has a value and no kind."""
    said = value if kind == "" else kind
    if not isinstance(said, str | int | float):
        return None
    (verdict,) = read_feedback(said)
    return None if verdict.kind == "comment" else verdict


def _evaluation(value: Any) -> Feedback | None:
    if isinstance(value, bool):
        return Feedback("evaluation", value, not value)
    if isinstance(value, str):
        passed = {"pass": True, "passed": True, "fail": False, "failed": False}.get(value.lower())
        return Feedback("evaluation", value, None if passed is None else not passed)
    number = _number(value)
    return None if number is None else Feedback("evaluation", number)


def _with(verdict: Feedback, shared: dict[str, Any], notes: list[str]) -> Feedback:
    comment = " ".join(dict.fromkeys(note for note in (verdict.comment, *notes) if note))
    negative = verdict.negative if shared["negative"] is None else shared["negative"]
    return Feedback(verdict.kind, verdict.value, **{**shared, "negative": negative, "comment": comment})


def _shared(item: Mapping[str, Any]) -> dict[str, Any]:
    """What belongs to every verdict of an object; raises `RecordError` for a place or a time that cannot be read."""
    comment_key = next((key for key in _COMMENT_KEYS if isinstance(item.get(key), str)), None)
    index = item.get("message_index")
    if index is not None and (isinstance(index, bool) or not isinstance(index, int) or index < 0):
        raise RecordError("message_index is not a whole number from 0")
    source, negative = item.get("source"), item.get("negative")
    return {
        "comment_key": comment_key,
        "comment": "" if comment_key is None else item[comment_key],
        "source": "user" if source is None else source if isinstance(source, str) else _as_text(source),
        "message_index": index,
        "at": moment(item.get("at", item.get("timestamp")), "feedback.at"),
        "negative": negative if isinstance(negative, bool) else None,
    }


def _from_text(text: str) -> Feedback:
    word = text.strip().lower().replace("-", "_").replace(" ", "_") if len(text) <= 32 else text
    word = "-1" if word == "_1" else word
    if word in THUMBS:
        return Feedback("thumb", THUMBS[word], not THUMBS[word])
    if word in ESCALATIONS:
        return Feedback("escalation", True, True)
    return Feedback("comment", comment=text)


def _thumb(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return True if value == 1 else False if value == -1 else None
    return THUMBS.get(value.strip().lower()) if isinstance(value, str) else None


def _bad_rating(number: float, top: float | None) -> bool | None:
    """Whether a rating is a bad one: the lower two fifths of its scale are bad, the upper two good.

    The scale is `top` where it is given; otherwise five up to 5, and nothing is said above that.
    """
    if top is None:
        top = 5.0 if number <= 5 else None
    if top is None or top <= 0:
        return None
    share = number / top
    return True if share <= 0.4 else False if share >= 0.8 else None


def _number(value: Any) -> float | None:
    """A finite number, given as such or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
