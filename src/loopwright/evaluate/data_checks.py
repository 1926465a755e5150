"""Checks of an output that is data: json_valid, json_path, numeric."""

from __future__ import annotations

import math
import re
from typing import Any

from loopwright.collect.intake import shown
from loopwright.evaluate.check import Answer, CheckType, Verdict, excerpt
from loopwright.evaluate.json_path import PATTERN, find
from loopwright.evaluate.shape import Anything, Choice, Field, Flag, Number, Text
from loopwright.evaluate.text_checks import regex_fault
from loopwright.wording import counted

_NUMBER = re.compile(r"(?<![\w.])[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,4})?(?![\d])")
_DEFAULT_RELATIVE = 1e-9


def same(one: Any, other: Any) -> bool:
    """Equality as JSON has it: 1 and 1.0 are the same, 1 and true are not, the order of keys does not matter."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(v, other[k]) for k, v in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def includes(whole: Any, part: Any) -> bool:
    """Whether `whole` has everything that `part` has: mappings may hold more keys, at any depth; all else is equal."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and includes(whole[k], v) for k, v in part.items())
    return same(whole, part)


def _json_valid(answer: Answer, _options: dict[str, Any]) -> Verdict:
    try:
        kind = type(answer.document).__name__
    except ValueError as error:
        return False, f"the output is not JSON: {error}: {excerpt(answer.output)}"
    return True, f"the output is JSON ({kind})"


def _json_path(answer: Answer, options: dict[str, Any]) -> Verdict:
    found = _values(answer, options["path"])
    if isinstance(found, str):
        return False, found
    if "exists" in options:
        return bool(found) is options["exists"], f"{counted(len(found), 'value')} at {options['path']}"
    if not found:
        return False, f"nothing at {options['path']}"
    if "pattern" in options:
        match = any(isinstance(v, str) and re.search(options["pattern"], v) for v in found)
    else:
        match = any(same(v, options["equals"]) for v in found)
    return match, f"{options['path']} is {', '.join(map(shown, found[:3]))}{', ...' if len(found) > 3 else ''}"


def _values(answer: Answer, path: str) -> list[Any] | str:
    """The values at a path of the output, or why there can be none."""
    try:
        return find(path, answer.document)
    except ValueError as error:
        return f"the output is not JSON: {error}: {excerpt(answer.output)}"


def _json_path_fault(options: dict[str, Any]) -> str | None:
    given = [name for name in ("equals", "pattern", "exists") if name in options]
    if len(given) != 1:
        return f"json_path has {' and '.join(given) or 'nothing to compare with'}; give one of equals, pattern, exists"
    return regex_fault(options["pattern"]) if "pattern" in options else None


def _numeric(answer: Answer, options: dict[str, Any]) -> Verdict:
    if "path" in options:
        found = _values(answer, options["path"])
        if isinstance(found, str):
            return False, found
        numbers = [float(v) for v in found if isinstance(v, int | float) and not isinstance(v, bool)]
    else:
        numbers = [_read(text) for text in _NUMBER.findall(answer.output)]
    if not numbers:
        return False, f"no number {'at ' + options['path'] if 'path' in options else 'in ' + excerpt(answer.output)}"
    which = options.get("which", "last")
    looked_at = {"first": numbers[:1], "last": numbers[-1:], "any": numbers}[which]
    allowed = _tolerance(options)
    passed = any(math.isfinite(n) and abs(n - options["expected"]) <= allowed for n in looked_at)
    return passed, f"found {', '.join(f'{n:g}' for n in looked_at[:5])}; expected {options['expected']:g} within {allowed:g}"


def _tolerance(options: dict[str, Any]) -> float:
    """The larger of the two tolerances; a billionth of the expected number where none is given."""
    if "abs" not in options and "rel" not in options:
        return _DEFAULT_RELATIVE * abs(float(options["expected"]))
    return max(float(options.get("abs", 0)), float(options.get("rel", 0)) * abs(float(options["expected"])))


def _read(text: str) -> float:
    return float(text.replace(",", "").replace("\u2212", "-"))


_PATH = Text(pattern=PATTERN, expected="a JSON path such as $.order.items[0].price")
_ONE_OF = {"oneOf": [{"required": [name]} for name in ("equals", "pattern", "exists")]}

DATA_CHECKS = (
    CheckType("json_valid", "The output is one JSON value, and nothing else.", (), _json_valid),
    CheckType(
        "json_path",
        "The output is JSON, and what stands at a path of it is as said; with [*], one match is enough.",
        (
            Field("path", _PATH, "where: $.name, $['any name'], [0], [-1], [*]", required=True),
            Field("equals", Anything(), "the value there"),
            Field("pattern", Text(), "a regular expression that text there matches"),
            Field("exists", Flag(), "whether there is anything there"),
        ),
        _json_path,
        _json_path_fault,
        (_ONE_OF,),
    ),
    CheckType(
        "numeric",
        "A number in the output is close to the expected one.",
        (
            Field("expected", Number(), "the number", required=True),
            Field("abs", Number(low=0), "the difference allowed (default: none but rounding, a billionth)"),
            Field("rel", Number(low=0), "the difference allowed as a share of the expected number; the larger of both counts"),
            Field("which", Choice(("last", "first", "any")), "which number, where there are several (default: last)"),
            Field("path", _PATH, "where the number is, in an output that is JSON"),
        ),
        _numeric,
    ),
)
