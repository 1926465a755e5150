"""Canonical content and the digests that identify it.

Ids are derived from content, so that taking the same thing twice changes nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any


def canonical(value: Any) -> str:
    """`value` as JSON text that is the same for equal content.

    Keys are sorted, dataclasses become objects, times become UTC ISO 8601, non-finite numbers become strings, and what JSON
    does not know becomes its `repr`.
    """
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(*parts: Any, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of the parts' canonical form (16 digits are 64 bits)."""
    text = canonical(list(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:length]


def content_id(kind: str, *parts: Any) -> str:
    """An id such as `mode-3f2a9c0d11e4b7a6`: the kind's prefix and the digest of what identifies the thing."""
    return f"{kind}-{digest(kind, *parts)}"


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | bool | int | float):
        return repr(value) if isinstance(value, float) and not math.isfinite(value) else value
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {k if isinstance(k, str) else canonical(k): _plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(v) for v in value), key=canonical)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return repr(value)
