"""Canonical content and the digests that identify it.

Ids are derived from content, so that taking the same thing twice changes nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any


def canonical(value: Any) -> str:
    """`plain(value)` as JSON text with sorted keys (and NaN, Infinity and -Infinity, as Python writes them).

    Two values have the same text exactly when their plain forms are the same: `1`, `1.0`, `True` and `"1"` are four things.
    """
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(*parts: Any, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of the parts' canonical form (16 digits are 64 bits)."""
    text = canonical(list(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:length]


def content_id(kind: str, *parts: Any) -> str:
    """An id such as `mode-3f2a9c0d11e4b7a6`: the kind's prefix and the digest of what identifies the thing."""
    return f"{kind}-{digest(kind, *parts)}"


def plain(value: Any) -> Any:
    """`value` as nothing but None, truth values, numbers, text, lists, and objects with text as keys.

    By intent a record is the object of its fields, an enum its value, a tuple or a set (sorted) a list, an array its numbers, a
    time its ISO 8601 text in UTC. Nothing else falls together: what plain values lack is marked by a key that begins with `$`,
    as in `{"$map": [[1, "one"]]}`, and an object that has such a key itself is written in that way too. Raises `TypeError` for
    a thing without content, whose `repr` would be its address.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, set | frozenset):
        return sorted((plain(v) for v in value), key=canonical)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return _plain_other(value)


def _plain_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: plain(content) for key, content in value.items()}
    return {"$map": sorted(([plain(key), plain(content)] for key, content in value.items()), key=canonical)}


def _plain_other(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, bytes | bytearray):
        return {"$bytes": value.hex()}
    if not any("__repr__" in vars(kind) for kind in type(value).__mro__[:-1]):
        raise TypeError(f"a value of type {type(value).__name__} has no content to identify it by")
    return {"$repr": [type(value).__name__, repr(value)]}
