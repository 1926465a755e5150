"""A draft in a model's words: the source's generation step, with the drafted template to fall back on."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.cluster.mode import FailureMode
from loopwright.collect.conversation import read_messages
from loopwright.effects import Reply, Request
from loopwright.errors import InputError
from loopwright.evaluate.case import EvalCase, Layer
from loopwright.evaluate.generate import FIELDS, parse, prompt
from loopwright.evaluate.redaction import redact, redact_value
from loopwright.mine.signal import FailureTrace

PURPOSE = "draft"
TAG = "model-written"
"""Marks the drafts that a model wrote."""
SHOWN = 3
"""So many representative failures are shown to the model, as in the source."""
UNTRIED = "a model wrote it, and only a judge or a person can tell whether it shows the failure"

_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_MESSAGE: dict[str, Any] = {
    "type": "object",
    "properties": {"role": {"type": "string", "enum": ["system", "user", "assistant"]}, "content": _TEXT},
    "required": ["role", "content"],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "input": {"anyOf": [_TEXT, {"type": "array", "items": _MESSAGE}]},
        "expected_behaviour": _TEXT,
        "failure_indicator": _TEXT,
        "scoring_rubric": _TEXTS,
        "tags": _TEXTS,
        "severity": {"type": "integer", "enum": [1, 2, 3, 4, 5]},
    },
    "required": list(FIELDS),
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Written:
    """What came of asking: the model's case, or the template with the `problem` for which it stands."""

    case: EvalCase
    problem: str = ""
    cost_usd: float | None = None


def write_case(template: EvalCase, mode: FailureMode, failures: Sequence[FailureTrace]) -> Generator[Request, Reply, Written]:
    """Have a model write the mode's case: yields one `Request`, is sent the `Reply`, returns the case.

    The model is shown the mode's description and up to three failures, the most typical first. Personal data is taken out of
    that, and out of what the model writes. The case keeps the template's id, mode and sources. It is decided by its rubric: the
    template's checks are about another input. A failure of the model, or a reply that is no case, leaves the template.
    """
    shown = [redact_value(f.input_payload) for f in _typical(mode, failures)]
    described = redact("\n".join(text for text in (mode.name, mode.description, mode.why) if text))
    reply = yield Request(prompt(described, shown), PURPOSE, SCHEMA)
    if reply.error is not None:
        return Written(template, reply.error, reply.cost_usd)
    try:
        return Written(_case(template, redact_value(parse(reply.text))), cost_usd=reply.cost_usd)
    except InputError as error:
        return Written(template, str(error), reply.cost_usd)


def _typical(mode: FailureMode, failures: Sequence[FailureTrace]) -> list[FailureTrace]:
    """The mode's representatives, then others, best first."""
    places = {trace_id: place for place, trace_id in enumerate(mode.representatives)}
    return sorted(failures, key=lambda f: places.get(f.trace_id, len(places)))[:SHOWN]


def _case(template: EvalCase, written: dict[str, Any]) -> EvalCase:
    given = written["input"]
    if isinstance(given, dict):
        given = json.dumps(given, ensure_ascii=False)
    elif isinstance(given, list):
        read_messages(given, "input")
    return replace(
        template,
        input=given,
        expected_behaviour=written["expected_behaviour"],
        failure_indicator=written["failure_indicator"],
        scoring_rubric=tuple(written["scoring_rubric"]),
        tags=tuple(dict.fromkeys((*template.tags, *written["tags"], TAG))),
        severity=written["severity"],
        layer=Layer.SEMANTIC,
        checks=(),
        deterministic=None,
        fails_on_source=None,
        not_admitted=UNTRIED,
    )
