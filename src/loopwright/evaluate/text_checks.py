"""Checks of what was said: exact, contains, not_contains, regex, not_regex."""

from __future__ import annotations

import re
from typing import Any

from loopwright.evaluate.check import IN, Answer, CheckType, Verdict, excerpt
from loopwright.evaluate.shape import Field, Flag, Text

_IGNORE_CASE = Field("ignore_case", Flag(), "whether A and a are the same (default: no)")


def _exact(answer: Answer, options: dict[str, Any]) -> Verdict:
    said, wanted = answer.output.strip(), options["value"].strip()
    if options.get("ignore_case"):
        said, wanted = said.casefold(), wanted.casefold()
    return said == wanted, f"the output is {excerpt(answer.output)}"


def _contains(answer: Answer, options: dict[str, Any]) -> Verdict:
    place = options.get("in", "output")
    said, wanted = answer.text_in(place), options["value"]
    if options.get("ignore_case"):
        said, wanted = said.casefold(), wanted.casefold()
    found = wanted in said
    return found, f"{excerpt(options['value'])} is {'' if found else 'not '}in the {_named(place)}"


def _not_contains(answer: Answer, options: dict[str, Any]) -> Verdict:
    found, reason = _contains(answer, options)
    return not found, reason


def _regex(answer: Answer, options: dict[str, Any]) -> Verdict:
    place = options.get("in", "output")
    match = re.search(options["pattern"], answer.text_in(place))
    if match is None:
        return False, f"nothing in the {_named(place)} matches {excerpt(options['pattern'])}"
    return True, f"{excerpt(match.group())} in the {_named(place)} matches"


def _not_regex(answer: Answer, options: dict[str, Any]) -> Verdict:
    found, reason = _regex(answer, options)
    return not found, reason


def regex_fault(pattern: str) -> str | None:
    """What is wrong with a regular expression, or None."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"pattern {excerpt(pattern)} is not a regular expression: {error}"
    return None


def _fault(options: dict[str, Any]) -> str | None:
    return regex_fault(options["pattern"])


def _named(place: str) -> str:
    return {"output": "output", "tool_results": "tools' results", "messages": "messages"}[place]


_PATTERN = Field("pattern", Text(), "a Python regular expression, searched for; (?i) at its front ignores case", required=True)

TEXT_CHECKS = (
    CheckType(
        "exact",
        "The output is this text, blanks at both ends aside.",
        (Field("value", Text(), "the text", required=True), _IGNORE_CASE),
        _exact,
    ),
    CheckType(
        "contains",
        "The output contains this text.",
        (Field("value", Text(), "the text", required=True), _IGNORE_CASE, IN),
        _contains,
    ),
    CheckType(
        "not_contains",
        "The output does not contain this text.",
        (Field("value", Text(), "the text", required=True), _IGNORE_CASE, IN),
        _not_contains,
    ),
    CheckType("regex", "Something in the output matches this regular expression.", (_PATTERN, IN), _regex, _fault),
    CheckType("not_regex", "Nothing in the output matches this regular expression.", (_PATTERN, IN), _not_regex, _fault),
)
