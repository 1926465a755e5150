"""What all formats share: values as the gate takes them, and numbers for trials that have none."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

from loopwright.adapters.importers.decoding import decode_object
from loopwright.errors import RecordError

Row = dict[str, Any]
"""A line of the gate's exchange format."""

MAX_ERROR = 500
"""Characters of an error that a row keeps."""

_META = {"mode_id": str, "failure_mode": str, "deterministic": bool, "layer": str, "version": str}


class Trials:
    """Numbers the trials of each case in the order in which they come.

    A trial that its tool names by a `key` keeps its number: the same trial twice stays the same trial twice, for the gate to see.
    """

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._known: dict[tuple[str, Hashable], int] = {}

    def number(self, eval_id: str, key: Hashable = None) -> int:
        """The trial's number, from 0."""
        if key is not None and (eval_id, key) in self._known:
            return self._known[eval_id, key]
        number = self._count[eval_id]
        self._count[eval_id] += 1
        if key is not None:
            self._known[eval_id, key] = number
        return number


def decoded(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, with NaN where the tool wrote that; raises `RecordError`."""
    try:
        return decode_object(data)
    except RecordError as error:
        if error.reason != "NaN or Infinity":
            raise
        value: dict[str, Any] = json.loads(data)
        return value


def number(value: Any) -> float | None:
    """A finite number, or None for anything else."""
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def total(values: Any) -> float | None:
    """The sum of the numbers among the values; None where there is none."""
    known = [v for v in map(number, values) if v is not None]
    return sum(known) if known else None


def clipped(text: Any) -> str:
    """A message as a row keeps it."""
    told = " ".join(str(text).split())
    return told if len(told) <= MAX_ERROR else told[: MAX_ERROR - 1] + "…"


def described(metadata: Any) -> Row:
    """What a tool's metadata say in our words: `mode_id` (or `failure_mode`), `deterministic`, `layer`, `version` and `tags`."""
    if not isinstance(metadata, Mapping):
        return {}
    made: Row = {
        ("mode_id" if name == "failure_mode" else name): value
        for name, kind in _META.items()
        if type(value := metadata.get(name)) is kind and value != ""
    }
    tags = metadata.get("tags")
    return made | ({"tags": [tag for tag in tags if isinstance(tag, str)]} if isinstance(tags, list) else {})


def row(eval_id: str, trial: int, passed: bool | None, **fields: Any) -> Row:
    """A row without the fields that are not known, or cannot be. One without a verdict says why."""
    if passed is None and not fields.get("error"):
        fields["error"] = "no verdict"
    known = {name: value for name, value in fields.items() if value not in (None, "", [], ()) and not _impossible(name, value)}
    if "tokens" in known:
        known["tokens"] = int(known["tokens"])
    return {"eval_id": eval_id, "trial": trial, "passed": passed, **known}


def _impossible(name: str, value: Any) -> bool:
    """Less than nothing was spent."""
    return name in ("cost_usd", "latency_ms", "tokens") and value < 0


def refuse(what: str, cure: str) -> RecordError:
    """A record that is not what its format says."""
    return RecordError(what, cure=cure)
