"""Production text without secrets and personal particulars, before it enters a file that people commit.

What has a form is found by its form: keys, tokens, logins, card and account numbers (by their check digits), addresses of mail
and machines, telephone numbers. Names and street addresses have none: a person reviews every draft.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

_FORMS: tuple[tuple[str, str], ...] = (
    ("private_key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,9000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"),
    ("token", r"\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*"),
    (
        "key",
        r"\b(?:sk-[\w-]{16,}|[srp]k_(?:live|test)_\w{8,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}"
        r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35}|hf_[A-Za-z]{20,}|npm_\w{30,}|SG\.[\w-]{16,}\.[\w-]{16,})",
    ),
    ("bearer", r"(?i:\b(?:bearer|basic)\s+)(?P<bearer_value>[\w.~+/=-]{12,})"),
    ("login", r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{1,100}(?=@)"),
    (
        "secret",
        r"(?i:\b(?:api[_-]?key|secret(?:[_-]key)?|client[_-]secret|access[_-]key|passwd|password|passphrase|token|pin)\b)"
        r"[\"']?(?P<secret_sign>\s*(?::|=)\s*|\s+is\s+)(?P<secret_value>\"[^\"\n]{3,200}\"|'[^'\n]{3,200}'|(?!\[)[^\s,;\"'}\])]{3,200})",
    ),
    ("email", r"\b[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[A-Za-z]{2,24}\b"),
    ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("ssn", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
    ("ip", r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![\w:]))"),
    ("digits", r"(?<![\w.,-])(?:\+|00)?\(?\d(?:[ ().-]{0,2}\d){8,18}(?![\w])"),
)
_ANY = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _FORMS))
_PHONE = re.compile(
    r"(?:\+|00)\d[\d ().-]{7,}|\(\d{3}\)[ .-]?\d{3}[ .-]?\d{4}|(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}"
    r"|0\d{2,4}[ /-]\d{3}[ -]?\d{3,5}"
)
_SYMBOL = re.compile(r"[\d!@#$%^&*+=/_]")


def redact(text: str) -> str:
    """`text` with what is secret or personal replaced by its kind in brackets, such as `[email]`."""
    return _ANY.sub(_replacement, text)


def redact_value(value: Any) -> Any:
    """The same for all text in a JSON value, keys left as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list | tuple):
        return [redact_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _named_value(key, item) for key, item in value.items()}
    return value


_SECRET_NAME = re.compile(
    r"(?i)(?:^|[_-])(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|pin|cvv|cvc)$"
)


def _named_value(key: Any, item: Any) -> Any:
    """What stands under a name such as `password` is secret whatever its form."""
    if isinstance(key, str) and _SECRET_NAME.search(key) and isinstance(item, str | int) and not isinstance(item, bool):
        return "[secret]"
    return redact_value(item)


def _replacement(match: re.Match[str]) -> str:
    kind, whole = match.lastgroup or "", match.group()
    for name, _ in _FORMS:
        if match.group(name) is not None:
            kind = name
            break
    if kind == "bearer":
        return whole[: -len(match["bearer_value"])] + "[token]"
    if kind == "secret":
        return _secret(match, whole)
    if kind == "digits":
        return _digits(whole)
    if kind == "iban":
        return "[account]" if _is_iban(whole) else whole
    if kind == "ip":
        return "[ip]" if _is_address(whole) else whole
    return {"private_key": "[private key]", "email": "[email]", "ssn": "[ssn]"}.get(kind, f"[{kind}]")


def _secret(match: re.Match[str], whole: str) -> str:
    """A named secret; after `:` and `is` a word of letters alone may be prose, and stays."""
    value = match["secret_value"]
    prose = "=" not in match["secret_sign"] and value.strip("\"'").isalpha() and value[0] not in "\"'"
    if prose or not (_SYMBOL.search(value) or len(value) >= 4):
        return whole
    quote = value[0] if value[0] in "\"'" else ""
    return f"{whole[: -len(value)]}{quote}[secret]{quote}"


def _digits(whole: str) -> str:
    numerals = re.sub(r"\D", "", whole)
    if 13 <= len(numerals) <= 19 and not whole.startswith("+") and _luhn(numerals):
        return "[card]"
    if 8 <= len(numerals) <= 15 and _PHONE.fullmatch(whole):
        return "[phone]"
    return whole


def _luhn(numerals: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    total = 0
    for place, numeral in enumerate(reversed(numerals)):
        digit = int(numeral) * (2 if place % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0 and len(set(numerals)) > 1


def _is_iban(whole: str) -> bool:
    """The check digits of account numbers (ISO 13616: the number modulo 97 is 1)."""
    plain = whole.replace(" ", "")
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_address(whole: str) -> bool:
    try:
        ip_address(whole)
    except ValueError:
        return False
    return True
