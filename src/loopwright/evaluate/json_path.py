"""A small, well-defined part of JSONPath (RFC 9535): names, indices and wildcards.

`$` is the whole value; `.name`, `['any name']`, `[0]`, `[-1]` (from the end) and `[*]` or `.*` (every item or value) follow.
"""

from __future__ import annotations

import re
from typing import Any

PATTERN = r"""\$(?:\.[A-Za-z_\u0080-\uffff][\w-]*|\.\*|\[(?:-?(?:0|[1-9][0-9]{0,8})|\*|'[^']*'|"[^"]*")\])*"""
"""The grammar, as one regular expression."""

_PATH = re.compile(PATTERN)
_STEP = re.compile(
    r"""\.(?P<name>[^.\[*]+)|(?P<star>\.\*|\[\*\])|\[(?P<index>-?\d+)\]|\[(?:'(?P<one>[^']*)'|"(?P<two>[^"]*)")\]"""
)
_EVERY = object()


def is_path(text: str) -> bool:
    """Whether `text` is a path of this grammar."""
    return _PATH.fullmatch(text) is not None


def find(path: str, value: Any) -> list[Any]:
    """All values at `path`, in order; empty where there is none. Raises `ValueError` for a path that is not one."""
    if not is_path(path):
        raise ValueError(f"{path!r} is not a JSON path")
    found = [value]
    for step in _steps(path):
        found = [inner for outer in found for inner in _take(outer, step)]
    return found


def _steps(path: str) -> list[str | int | object]:
    steps: list[str | int | object] = []
    for match in _STEP.finditer(path, 1):
        if match["star"]:
            steps.append(_EVERY)
        elif match["index"]:
            steps.append(int(match["index"]))
        else:
            steps.append(next(match[g] for g in ("name", "one", "two") if match[g] is not None))
    return steps


def _take(value: Any, step: str | int | object) -> list[Any]:
    if step is _EVERY:
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if isinstance(step, int):
        inside = isinstance(value, list) and -len(value) <= step < len(value)
        return [value[step]] if inside else []
    return [value[step]] if isinstance(value, dict) and step in value else []
