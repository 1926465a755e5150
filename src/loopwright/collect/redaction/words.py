"""What the user listed: words and phrases, and expressions of their own."""

from __future__ import annotations

import re
from collections.abc import Callable

from loopwright.collect.redaction.rules import RedactionRules

_MARK = r"[<\[][a-z]{1,20}(?::[g-z]{10})?[>\]]"
_MARKS = re.compile(f"({_MARK})")
_MANY = 2_000
_STRANGE = r"\xe2\x84\xaa|\xc5\xbf|\xc4[\xb0\xb1]|\\u(?:212[aA]|017[fF]|013[01])"
"""Letters outside ASCII that are, whatever the case, k, s and i, in UTF-8 and in JSON."""


class Words:
    """The user's list; `hint` is of bytes, `pattern` of text."""

    def __init__(self, rules: RedactionRules) -> None:
        phrases = sorted({" ".join(word.split()) for word in rules.words if word.strip()}, key=lambda word: (-len(word), word))
        forms = [r"\s+".join(re.escape(part) for part in phrase.split(" ")) for phrase in phrases]
        self.pattern = re.compile(rf"(?P<mark>{_MARK})|(?<!\w)(?:{'|'.join(forms)})(?!\w)", re.IGNORECASE) if forms else None
        self.patterns = rules.patterns
        anchors = [_anchor(phrase) for phrase in phrases]
        self._always = bool(self.patterns) or len(phrases) > _MANY or not all(anchors)
        self._anchors = tuple(dict.fromkeys(anchors))

    def __bool__(self) -> bool:
        return self.pattern is not None or bool(self.patterns)

    def replaced(self, text: str, mark: Callable[[str], str]) -> str:
        """`text` with `mark` of each word, and of what a pattern matches, in its place; marks that are there stay."""
        if self.pattern is not None:
            text = self.pattern.sub(lambda match: match[0] if match.lastgroup else mark(" ".join(match[0].split())), text)
        for pattern in self.patterns:
            parts = _MARKS.split(text)  # marks are at the odd places
            parts[::2] = [pattern.sub(lambda match: mark(match[0]) if match[0] else "", part) for part in parts[::2]]
            text = "".join(parts)
        return text

    @property
    def hint(self) -> str | None:
        """See `hints`; None where there is none: for patterns, for words without ASCII letters, and for very many."""
        if self._always or not self._anchors:
            return None
        return rf"(?i:{'|'.join(self._anchors)})|{_STRANGE}"


def _anchor(phrase: str) -> str:
    """The longest run of ASCII letters and digits in a phrase: what is the same in any case, encoding and escape."""
    return max(re.findall(r"[a-z0-9]+", phrase.lower()), key=len, default="")
