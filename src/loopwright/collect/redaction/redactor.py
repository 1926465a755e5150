"""Text without secrets, and without personal data where the rules say so: one engine for everything that comes in.

Each kind of secret has a cheap hint over bytes and a finder. Hints are all that most text costs; a finder looks at text in which
its hint was seen. What is found is replaced by a mark (`marks`), which no finder takes for anything: twice changes no more.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Any

from loopwright.collect.redaction import addresses, cookies, emails, keys, logins, named, numbers, private_keys
from loopwright.collect.redaction.hints import NOWHERE, First, Hint, Hints
from loopwright.collect.redaction.marks import MARK, mark
from loopwright.collect.redaction.rules import WORD, Found, RedactionError, RedactionRules
from loopwright.collect.redaction.words import Words

_SHORTEST = 6
_ROUNDS = 10
_NAME, _NAMES = 64, 10_000
"""Short text in which nothing was found is remembered, up to a number: names of attributes and tools come in every span."""
_CODE_ESCAPES = re.compile(rb"\\u[0-9A-Fa-f]{4}")
_LETTER_ESCAPES = tuple(b"\\" + letter for letter in (b"b", b"f", b"n", b"r", b"t", b"v"))
_PERCENT_ESCAPES = re.compile(rb"%(?!40|3[dD])[0-9A-Fa-f]{2}")
_NUMBERS = frozenset({"phone", "card", "iban", "ip", "ssn"})
_KIND = re.compile(r"[a-z]{1,20}")
_NEAR = 128
"""Bytes before and behind a mark: what is found only now that it is there begins or ends within them."""
_FAR = frozenset({"named"})
"""But for secrets by name, whose values may begin far before a mark."""
_BETWEEN = "\n\x00\n"
_BETWEEN_BYTES = _BETWEEN.encode()
_START = attrgetter("start")

Finder = Callable[[bytes], Iterable[Found]]


def _find_named(data: bytes) -> Iterator[Found]:
    yield from private_keys.find_private_keys(data)
    yield from named.find_named(data)


_OF_SECRETS: dict[str, Finder] = {
    "keys": keys.find_keys, "named": _find_named, "logins": logins.find_logins, "cookies": cookies.find_cookies,
}  # fmt: skip


class Redactor:
    """Takes out what its rules name.

    `counts` is how often each kind was replaced, `known` holds short texts in which there was nothing.
    """

    def __init__(self, rules: RedactionRules | None = None) -> None:
        self.rules = rules or RedactionRules()
        self.counts: Counter[str] = Counter()
        self._numbers = self.rules.personal & _NUMBERS
        self._words = Words(self.rules)
        self._finders, self._hints = self._chosen()
        self._everywhere = self.rules.plugin is not None or (bool(self._words) and self._words.hint is None)
        self.known: set[str] = set()

    def may_hold(self, data: bytes) -> bool:
        r"""False: surely nothing in these bytes is to be redacted, be they text, protobuf or JSON with any escapes.

        True where it cannot be told so cheaply: with a plug-in or patterns of the user, and with ASCII written as `\u00xx`.
        What is in base64 is looked into neither here nor there.
        """
        return self.places(data)(0) < NOWHERE

    def places(self, data: bytes) -> First:
        """Where what `may_hold` speaks of begins: the first such place at or behind another, asked from left to right."""
        return (lambda start: start) if self._everywhere else self._hints.places(data).first

    def text(self, value: str) -> str:
        """`value` with what was found in it replaced; raises `RedactionError` where the plug-in fails."""
        if len(value) >= _SHORTEST and value not in self.known:
            data = value.encode("utf-8", "surrogatepass")
            clean = self._cleaned(data)
            if clean is not data:
                value = clean.decode("utf-8", "surrogatepass")
            elif len(value) <= _NAME and len(self.known) < _NAMES:
                self.known.add(value)
        return self._by_user(value) if self._words or self.rules.plugin is not None else value

    def texts(self, values: Sequence[str]) -> list[str]:
        """Each of the texts as `text` gives it, for less: most of what a short text costs, it costs for each call."""
        found = list(values)
        places: Sequence[int] = range(len(found))
        for _ in range(_ROUNDS):
            data = _BETWEEN.join([found[place] for place in places]).encode("utf-8", "surrogatepass")
            kinds = self._hints.kinds(data)
            clean, marks = self._once(data, kinds)
            if clean is data:
                break
            pieces = clean.split(_BETWEEN_BYTES)
            if len(pieces) != len(places):  # something was found over a boundary
                return [self.text(value) for value in values]
            ends = list(accumulate(len(piece) + len(_BETWEEN) for piece in pieces))
            for index in {bisect_right(ends, start) for start, _ in marks}:
                found[places[index]] = pieces[index].decode("utf-8", "surrogatepass")
            again = marks if kinds & _FAR else [marks[number] for number in self._disturbed(clean, marks)]
            places = [places[index] for index in sorted({bisect_right(ends, start) for start, _ in again})]
            if not places:
                break
        return [self._by_user(value) for value in found] if self._words or self.rules.plugin is not None else found

    def named(self, name: str, value: str) -> str:
        """The value that stands under a name, such as an attribute's: what the name says is secret is, whatever its form."""
        data = value.encode("utf-8", "surrogatepass")
        for found in named.find_under(name, data):
            return self._replaced(data, [found])[0].decode("utf-8", "surrogatepass")
        return self.text(value)

    def data(self, value: bytes) -> bytes:
        """Bytes that may be text; what is no UTF-8 among them is kept as it is."""
        clean = self._cleaned(value)
        if not self._words and self.rules.plugin is None:
            return clean
        return self._by_user(clean.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def value(self, item: Any) -> Any:
        """A JSON value with all text in it redacted, names too, and whole numbers that are a card's or a phone's."""
        if isinstance(item, str):
            return self.text(item)
        if isinstance(item, dict):
            return self._object(item)
        if isinstance(item, list | tuple):
            return [self.value(part) for part in item]
        if isinstance(item, bytes):
            return self.data(item)
        if isinstance(item, int) and self._numbers and abs(item) > 99_999_999:
            text = str(item)
            clean = self.text(text)
            return item if clean == text else clean
        return item

    def _object(self, item: dict[Any, Any]) -> dict[Any, Any]:
        clean: dict[Any, Any] = {}
        of_pair = item.get("key", item.get("name")) if "value" in item else None
        for key, part in item.items():
            name = self.text(key) if isinstance(key, str) else key
            while name in clean:
                name = f"{name}_"
            under = of_pair if isinstance(of_pair, str) and key == "value" else key
            clean[name] = self._under(under, part)
        return clean

    def _under(self, name: Any, part: Any) -> Any:
        if isinstance(name, str):
            if isinstance(part, str):
                return self.named(name, part)
            if isinstance(part, dict) and part.keys() == {"stringValue"} and isinstance(part["stringValue"], str):
                return {"stringValue": self.named(name, part["stringValue"])}
            if isinstance(part, int) and not isinstance(part, bool):
                clean = self.named(name, str(part)) if abs(part) > 999 else ""
                if MARK.fullmatch(clean.encode()):
                    return clean
        return self.value(part)

    def _chosen(self) -> tuple[dict[str, Finder], Hints]:
        """By kind the finders of what the rules name, and their hints; the user's words have a hint alone."""
        finders: dict[str, Finder] = dict(_OF_SECRETS)
        expressions = {"keys": keys.HINT, "named": named.HINT, "logins": logins.HINT, "cookies": cookies.HINT}
        functions: dict[str, Hint] = {}
        if self._words.hint is not None:
            expressions["words"] = self._words.hint
        if "email" in self.rules.personal:
            finders["emails"], functions["emails"] = emails.find_emails, emails.may_begin
        if self._numbers:
            finders["numbers"], functions["numbers"] = self._find_numbers, numbers.may_begin
        if "ip" in self.rules.personal:
            finders["ipv6"], functions["ipv6"] = addresses.find_ipv6, addresses.may_hold_ipv6
        return finders, Hints(expressions, functions)

    def _find_numbers(self, data: bytes) -> Iterator[Found]:
        return numbers.find_numbers(data, self._numbers)

    def _cleaned(self, data: bytes) -> bytes:
        """The bytes with what was found replaced; the same object where nothing was.

        What stood near something that went is looked at once more: a mark is a boundary, which that was not.
        """
        for _ in range(_ROUNDS):
            kinds = self._hints.kinds(data)
            clean, marks = self._once(data, kinds)
            if clean is data:
                break
            data = clean
            if not kinds & _FAR and not self._disturbed(clean, marks):
                break
        return data

    def _disturbed(self, data: bytes, marks: Sequence[tuple[int, int]]) -> set[int]:
        """The marks, by their number, near which something may be found only now; what stands near them is looked at alone."""
        around = [data[max(0, start - _NEAR) : end + _NEAR] for start, end in marks]
        near = b"\0".join(around)
        ends = list(accumulate(len(piece) + 1 for piece in around))
        return {bisect_right(ends, item.start) for item in self._found(near, self._hints.kinds(near))}

    def _once(self, data: bytes, kinds: frozenset[str]) -> tuple[bytes, list[tuple[int, int]]]:
        """The bytes with what these kinds' finders find replaced, the same object where that is nothing; and where marks are."""
        found = self._found(data, kinds)
        return self._replaced(data, found) if found else (data, [])

    def _found(self, data: bytes, kinds: frozenset[str]) -> list[Found]:
        finders = [find for kind, find in self._finders.items() if kind in kinds]
        plain = _without_escapes(data) if finders and "escapes" in kinds else data
        return [item for find in finders for item in find(plain)]

    def _replaced(self, data: bytes, found: list[Found]) -> tuple[bytes, list[tuple[int, int]]]:
        """What begins first goes first; what begins within it is part of it. Also where the marks are."""
        parts: list[bytes] = []
        places: list[tuple[int, int]] = []
        position = length = 0
        for first, last, kind, quote in sorted(found, key=_START):
            start, end = _whole(data, first, -1), _whole(data, last, 1)
            if start < position:
                continue
            content = data[start:end]
            plain = addresses.plain_ip(content) if kind == "ip" else content
            made = quote + mark(kind, plain, self.rules.key, self.rules.brackets) + quote
            length += start - position
            places.append((length, length + len(made)))
            length += len(made)
            parts += (data[position:start], made)
            self.counts[kind] += 1
            position = end
        return b"".join((*parts, data[position:])), places

    def _by_user(self, value: str) -> str:
        """The user's words, patterns and plug-in."""
        if self._words:
            value = self._words.replaced(value, lambda text: self._mark(WORD, text))
        if self.rules.plugin is None:
            return value
        try:
            given = self.rules.plugin(value)
            return given if isinstance(given, str) else self._cut(value, given)
        except Exception as error:
            raise RedactionError(f"the redaction plug-in failed: {type(error).__name__}") from error

    def _mark(self, kind: str, text: str) -> str:
        self.counts[kind] += 1
        return mark(kind, text.encode("utf-8", "surrogatepass"), self.rules.key, self.rules.brackets).decode()

    def _cut(self, value: str, given: Iterable[tuple[int, int, str]]) -> str:
        """What the plug-in found, replaced; raises `ValueError` for what is not within the text."""
        parts, position = [], 0
        for start, end, kind in sorted(given):
            if not 0 <= start < end <= len(value) or not _KIND.fullmatch(kind):
                raise ValueError("a place outside of the text, or a kind that is no word of small letters")
            if start >= position:
                parts += [value[position:start], self._mark(kind, value[start:end])]
                position = end
        return "".join((*parts, value[position:]))


def _whole(data: bytes, at: int, step: int) -> int:
    """The nearest place from `at` on that is between two characters of UTF-8, of which none has more than four bytes."""
    for place in range(at, at + 4 * step, step):
        if not 0 < place < len(data) or data[place] & 0xC0 != 0x80:
            return place
    return at


def _without_escapes(data: bytes) -> bytes:
    r"""The bytes with blanks for escapes within text, as in `\nsk-…` of JSON within JSON and `%20sk-…` of addresses."""
    if b"\\u" in data:
        data = _CODE_ESCAPES.sub(_blank, data)
    for escape in _LETTER_ESCAPES:
        data = data.replace(escape, b"  ")
    return _PERCENT_ESCAPES.sub(_blank, data) if b"%" in data else data


def _blank(match: re.Match[bytes]) -> bytes:
    return b" " * len(match.group())
