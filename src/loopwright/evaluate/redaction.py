"""Production text without secrets and personal particulars, before it enters a file that people commit.

The engine is that of `collect`, with all kinds of personal data; a mark names the kind alone, such as `[email]`. Names and street
addresses have no form to be found by: a person reviews every draft.
"""

from __future__ import annotations

import re
from typing import Any

from loopwright.collect.redaction.redactor import Redactor
from loopwright.collect.redaction.rules import PERSONAL, RedactionRules

_RULES = RedactionRules(personal=frozenset(PERSONAL), brackets="[]")
_OF_CARDS = re.compile(r"(?i)(?:^|[_-])(?:pin|cvv|cvc)$")


def redact(text: str) -> str:
    """`text` with what is secret or personal replaced by its kind in brackets, such as `[email]`."""
    return Redactor(_RULES).text(text)


def redact_value(value: Any) -> Any:
    """The same for all text in a JSON value, names too; what stands under a name such as `password` or `pin` goes whole."""
    return Redactor(_RULES).value(_without_card_secrets(value))


def _without_card_secrets(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_without_card_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: "[secret]"
        if isinstance(key, str) and _OF_CARDS.search(key) and isinstance(item, str | int) and not isinstance(item, bool)
        else _without_card_secrets(item)
        for key, item in value.items()
    }
