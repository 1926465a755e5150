"""Guards as the text of a harness file: the standard library reads TOML and does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from loopwright.guards.catalogue import GUARDS, parameters
from loopwright.guards.guard import Guard

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_WIDE = 100


def dump(guards: Iterable[Guard[Any]]) -> str:
    """The text that `parse_guards` reads as these guards; parameters at their default are left out.

    A lone surrogate, which no file in UTF-8 can hold, is written as a question mark.
    """
    by_name = {guard.name: guard for guard in guards}
    return "\n".join(_tables(by_name[name]) for name in GUARDS if name in by_name)


def _tables(guard: Guard[Any]) -> str:
    held = parameters(guard)
    lines = [f"[guards.{guard.name}]", f"mode = {_value(guard.mode)}"]
    lines += [f"{_key(key)} = {_value(value)}" for key, value in held.items() if not isinstance(value, Mapping)]
    for key, value in held.items():
        if isinstance(value, Mapping):
            lines += ["", f"[guards.{guard.name}.{_key(key)}]", *(f"{_key(k)} = {_value(v)}" for k, v in sorted(value.items()))]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE.match(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        parts = [_value(item) for item in value]
        short = f"[{', '.join(parts)}]"
        return short if len(short) <= _WIDE else "[\n" + "".join(f"    {part},\n" for part in parts) + "]"
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
