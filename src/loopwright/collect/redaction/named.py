"""Secrets by the name that they stand under: `password=…`, `"api_key": "…"`, `Authorization: …`, `my password is …`.

A name alone proves nothing: what stands after it has to be no word of prose, no reference to a variable, no template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.collect.redaction.keys import is_credential
from loopwright.collect.redaction.marks import MARK
from loopwright.collect.redaction.rules import Found

_OF_KEYS = (
    "access",
    "account",
    "api",
    "app",
    "application",
    "auth",
    "client",
    "consumer",
    "encryption",
    "license",
    "master",
    "private",
    "secret",
    "service",
    "shared",
    "signing",
    "storage",
    "subscription",
)
_PASSWORDS = r"password|passwd|passphrase|passcode|passwort|pwd|contrase[^a\n]{1,8}a|mot de passe|senha|wachtwoord|(?<=[_-])pass"
_OTHERS = "|".join((r"secret(?:[_-]?(?:access[_-]?)?key)?", "token", "authorization", *(f"{of}[ _-]?key" for of in _OF_KEYS)))
_QUOTE = rb"""\\*["']"""

_SIGN = rb""" {0,4}(?::=|=>|: ?[a-z][a-z0-9_.\[\]|]{0,24} {0,2}=(?= {0,4}\\*["'])|={1,2}|:(?!:)|>|%3d) {0,4}"""
_NAME = re.compile(
    rf"(?P<name>{_PASSWORDS}|{_OTHERS})(?![a-z0-9_-])".encode()
    + rb"""(?P<quote>\\*["'])?[\])]?(?:(?P<sign>"""
    + _SIGN
    + rb""")|(?P<prose> {1,2}(?:is|was):? {1,2})|(?P<flag> {1,2}))"""
)
_KEY = re.compile(rf"(?P<name>{_PASSWORDS}|{_OTHERS})[\])]?\Z".encode())
HINT = (
    r"""(?i:secret|pwd|authorization|pass(?:w|phr|co)|token(?:["'\\\x12>\]]| {0,4}[:=%]| {1,2}(?:is|was)[ :])|-token """
    r"""|contrase|mot de passe|senha|wachtwoord|[_-]pass(?:["'\\\x12>\]]| {0,4}[:=%])"""
    rf"|(?:{'|'.join(_OF_KEYS)})[ _-]?key)"
)
"""See `hints`. `\\x12` is what stands behind an attribute's name in protobuf."""
_FLAG = re.compile(rb"--[\w-]{0,40}\Z")
_NO_SECRET = re.compile(rb"(?:next|page|continuation|sync|cursor|stop|end|sort|partition|primary|foreign)[_-]?\Z")
_ENV = re.compile(rb"[A-Z][A-Z0-9_]*\Z")
_SCHEME = re.compile(rb"(?:(bearer|basic|token|digest|apikey|negotiate) {1,2})?", re.IGNORECASE)
_BARE = re.compile(rb"""[^\s,;&"'<>(){}\[\]\\|`]{1,1000}""")
_REFERENCE = re.compile(
    rb"[A-Za-z_]+(?:\.[A-Za-z_]+)+\Z|[a-z]+(?:_[a-z]+)+\Z|[A-Z]+(?:[_-][A-Z]+)+\Z|(?:[$%*{<.]|x{3}|\*{3}|-{3}).*", re.DOTALL
)
_DIGIT, _LETTER = re.compile(rb"\d"), re.compile(rb"[A-Za-z\x80-\xff]")
_SYMBOL = re.compile(rb"[\d!@#$%^&*+=/_~?]")
_BENIGN = frozenset(
    (
        b"access any auth bearer bool boolean cannot changed disabled empty enabled error example expired false field forgot "
        b"forgotten from hidden incorrect input int integer invalid key length masked me missing must na nil no none not null "
        b"number object off omitted on optional passphrase passwd password pwd redacted required reset secret sha256 str "
        b"string text the to token true type undefined unknown unset user uuid valid value wrong yes your"
    ).split()
)
_LONGEST = 4000
_OF_PASSWORDS = (b"pass", b"pwd", b"contrase", b"mot", b"senha", b"wacht")
_PATHS = (b"/", b"~", b"./", b"C:")
"""In a shell, `pwd` is a folder."""


def find_named(data: bytes) -> Iterator[Found]:
    """What stands after a secret's name."""
    lowered, past = data.lower(), 0
    for match in _NAME.finditer(lowered):
        if match.start() < past:
            continue
        if match["flag"] is not None and not _FLAG.search(lowered, max(0, match.start() - 44), match.start()):
            continue
        if (match["sign"] != b">" and _is_mark(data, match.start())) or _NO_SECRET.search(
            lowered, max(0, match.start() - 16), match.start()
        ):
            continue
        found = _after(data, match)
        if found:
            past = found.end
            yield found


def find_under(name: str, value: bytes) -> Iterator[Found]:
    """A value that is one by itself, such as an attribute's, under this name."""
    lowered = name.lower().encode("utf-8", "surrogatepass")
    match = _KEY.search(lowered)
    if match is None or not value or _NO_SECRET.search(lowered, 0, match.start()):
        return
    start = 0
    if match["name"] == b"authorization":
        start = _scheme_end(value, 0)
    if MARK.search(value) is None and _is_secret(match["name"], value[start:], quoted=True, sure=True):
        yield Found(start, len(value), _kind(match["name"]))


def _after(data: bytes, match: re.Match[bytes]) -> Found | None:
    """The secret after a name and its sign."""
    name, at = match["name"], match.end()
    opening = re.compile(_QUOTE).match(data, at)
    if opening:
        start, quote = opening.end(), opening.group()
        end = _closing(data, start, quote)
        if end is None:
            return None
    else:
        start, quote = at, b""
        bare = _BARE.match(data, start)
        end = bare.end() if bare else start
    if name == b"authorization":
        start = _scheme_end(data, start)
        bare = _BARE.match(data, start)
        end = min(end, bare.end()) if quote and bare else bare.end() if bare else start
    return _settled(data, match, start, end, quote)


def _settled(data: bytes, match: re.Match[bytes], start: int, end: int, quote: bytes) -> Found | None:
    if (match["sign"] or b"").strip() == b">":
        if quote or data[end : end + 2] != b"</":
            return None
    elif not quote:
        end = start + len(data[start:end].rstrip(b".:?" if match["prose"] is None else b".:!?"))
        if data[end : end + 1] in {b"(", b"[", b"{"}:
            return None
    value, name = data[start:end], match["name"]
    if not value or data[start : start + 1] in b"<[" or (name == b"pwd" and value.startswith(_PATHS)):
        return None
    sure = bool(quote) or (match["sign"] or b"").strip() in {b"=", b">", b"%3d"} or match["flag"] is not None
    if match["prose"] is not None and not _DIGIT.search(value):
        return None
    upper = bool(_ENV.match(data, match.start("name"), match.end("name"))) and match["sign"] == b"="
    if not (upper and len(value) >= 6 and value.lower() not in _BENIGN and not _REFERENCE.match(value)) and not _is_secret(
        name, value, quoted=bool(quote), sure=sure
    ):
        return None
    around = match["quote"] or b"" if not quote else b""
    return Found(start, end, _kind(name), around if around and _is_number(value) else b"")


def _is_secret(name: bytes, value: bytes, *, quoted: bool, sure: bool) -> bool:
    """Whether a value is what its name says; `sure` where its place says that it is a value, and no prose."""
    if len(value) > _LONGEST or value.lower().strip() in _BENIGN or _REFERENCE.match(value) or MARK.match(value):
        return False
    if name.startswith(_OF_PASSWORDS):
        return _is_password(value, quoted, sure)
    digit, letter = _DIGIT.search(value), _LETTER.search(value)
    if b" " in value.strip() or b"\n" in value.strip():
        return False
    if name == b"authorization":
        return is_credential(b"", value) or (len(value) >= 4 and bool(digit and letter))
    if digit and letter:
        return len(value) >= (6 if sure and name != b"token" else 8)
    return len(value) >= 20 and (bool(digit) or not value.islower())


def _is_password(value: bytes, quoted: bool, sure: bool) -> bool:
    words = value.split()
    if len(words) > 1:
        return quoted and (len(words) < 3 or bool(_DIGIT.search(value))) and not value.endswith((b".", b"?"))
    if sure:
        return len(value) >= (1 if quoted else 3)
    return len(value) >= 4 and (value.isdigit() or bool(_SYMBOL.search(value) and _LETTER.search(value)))


def _kind(name: bytes) -> str:
    if name.startswith(_OF_PASSWORDS):
        return "password"
    return "token" if name in {b"authorization", b"token"} else "secret"


def _scheme_end(data: bytes, start: int) -> int:
    scheme = _SCHEME.match(data, start)
    return scheme.end() if scheme else start


def _closing(data: bytes, start: int, quote: bytes) -> int | None:
    """Where the quote that was opened closes: the same sign behind as many backslashes, as in JSON within JSON."""
    sign, depth = quote[-1:], len(quote) - 1
    at = data.find(sign, start, start + _LONGEST)
    while at >= 0:
        before = at
        while before > start and data[before - 1] == 0x5C:
            before -= 1
        if at - before <= depth:
            return before if at - before == depth else None
        at = data.find(sign, at + 1, start + _LONGEST)
    return None


def _is_mark(data: bytes, name: int) -> bool:
    """Whether the name is that of a mark, as in `<password:…>`."""
    return data[name - 1 : name] in {b"<", b"["} and MARK.match(data, name - 1) is not None


def _is_number(value: bytes) -> bool:
    return value.isdigit()
