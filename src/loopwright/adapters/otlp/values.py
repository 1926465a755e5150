"""Attributes and values of OpenTelemetry's protobuf messages as plain ones."""

from __future__ import annotations

import base64
import math
from typing import Any


def attributes_of(pairs: Any) -> dict[str, Any]:
    """Attributes as a dictionary; of a key that comes twice the last counts."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: Any) -> Any:
    """An `AnyValue` as text, a truth value, a number, a list or a dictionary; None where it is empty.

    What JSON lacks is text: bytes in base64, and numbers that are not finite by their names.
    """
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "array_value":
        return [value_of(item) for item in held.values]
    if kind == "kvlist_value":
        return attributes_of(held.values)
    if kind == "bytes_value":
        return base64.b64encode(held).decode("ascii")
    return str(held) if kind == "double_value" and not math.isfinite(held) else held
