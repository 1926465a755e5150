"""Where something to be redacted may be, told by passes over bytes, be they text, protobuf or JSON with any escapes.

Each kind has a hint, which is at least wherever its finder finds. Hints have no context, so that a whole request can be searched
at once, and what is found assigned to its spans. Those of secrets are expressions, searched for all together by RE2's automaton;
hardly any text holds one. What personal data has is in every other text, and each call of RE2 lets another thread run first: such
hints are functions, cheap by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import re2

NOWHERE = 1 << 62
"""Where a hint is that is not there: behind all bytes."""

ESCAPES = r"\\[bfnrtvu]|%[0-9A-Fa-f]{2}"
"""Escapes of JSON and of addresses."""
_ESCAPED = r"\\u00(?:[2-7]|[aA]0)"
"""ASCII that JSON need not escape: what is behind it is not looked into."""

_MEMORY = 32 * 1024 * 1024
"""What the automaton's states may take before it begins anew."""

First = Callable[[int], int]
"""The first place at or behind a place, or `NOWHERE`."""

Hint = Callable[[bytes], First]
"""Looks through bytes, as far as it is asked to."""


def by_expression(pattern: re.Pattern[bytes]) -> Hint:
    """The hint that is where an expression matches; its first sign should be a certain one, which is found fast."""

    def of(data: bytes) -> First:
        def first(start: int) -> int:
            match = pattern.search(data, start)
            return NOWHERE if match is None else match.start()

        return first

    return of


class Hints:
    """Several hints, by their kinds: `expressions` in RE2's syntax, and `functions`."""

    def __init__(self, expressions: Mapping[str, str], functions: Mapping[str, Hint]) -> None:
        self._functions = dict(functions)
        self._of_functions = frozenset(functions)
        self._names = (*expressions, "escapes")
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.never_capture = True
        options.max_mem = _MEMORY
        self._any = re2.compile(_pattern("|".join(f"(?:{one})" for one in (*expressions.values(), _ESCAPED))), options)
        self._which = re2.Set.SearchSet(options)
        for one in (*expressions.values(), ESCAPES):
            self._which.Add(_pattern(one))
        self._which.Compile()

    def places(self, data: bytes) -> Places:
        """Where hints are in these bytes."""
        return Places([self._expressions(data), *(function(data) for function in self._functions.values())])

    def kinds(self, data: bytes) -> frozenset[str]:
        """The kinds whose expressions are in these bytes, those of all functions, and `escapes` where there are `ESCAPES`."""
        return self._of_functions.union([self._names[place] for place in self._which.Match(data) or ()])

    def _expressions(self, data: bytes) -> First:
        def first(start: int) -> int:
            match = self._any.search(data, start)
            return NOWHERE if match is None else match.start()

        return first


class Places:
    """Where hints are: asked from left to right, each part of the bytes is looked through once."""

    def __init__(self, searches: Sequence[First]) -> None:
        self._searches = searches
        self._next = [-1] * len(searches)
        self._first = -1

    def first(self, start: int = 0) -> int:
        """Where the first hint at or behind `start` begins; `NOWHERE` where there is none."""
        if self._first < start:
            for place, search in enumerate(self._searches):
                if self._next[place] < start:
                    self._next[place] = search(start)
            self._first = min(self._next)
        return self._first


def _pattern(text: str) -> bytes:
    return text.encode("latin-1")
