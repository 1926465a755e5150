"""Whether a tool's result is an error, when it only says so as text.

Evidence is graded by where it stands. A field named `error`, or a result that begins with an error, is close to certain; the
same words somewhere in a long document say little, and are not taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode

HEAD = 600
"""Characters in which an error announces itself."""

TAIL = 800
"""Characters at the end, where a traceback or an exit code stands."""

SHORT = 240
"""A result up to this length is a message rather than a document."""

_EMPTY = frozenset({"", "none", "null", "false", "0", "no", "ok", "n/a", "[]", "{}", "success", "no error", "no errors"})
_ERROR_KEYS = frozenset({"error", "errors", "err", "exception", "error_message", "errormessage", "error_code", "errorcode",
                         "traceback", "stack_trace", "failure_reason", "error_type", "fault"})  # fmt: skip
_FALSE_KEYS = frozenset({"success", "ok", "succeeded", "is_success", "successful"})
_TRUE_KEYS = frozenset({"iserror", "is_error", "failed", "has_error"})
_STATUS_KEYS = frozenset({"status", "state", "outcome", "result", "result_status", "type"})
_BAD_STATUS = frozenset({"error", "failed", "failure", "fail", "exception", "denied", "forbidden", "unauthorized", "timeout",
                         "timed_out", "rejected", "invalid", "not_found", "internal_error"})  # fmt: skip
_CODE_KEYS = frozenset({"status_code", "statuscode", "http_status", "httpstatus", "code", "status"})
_MESSAGE_KEYS = ("message", "detail", "details", "reason", "error_message", "description", "msg", "content", "text")
_ENVELOPE = frozenset({"result", "response", "data", "output", "body", "content", "type", "id", "name", "role", "tool", "status",
                       "status_code", "statuscode", "code", "tool_call_id"})  # fmt: skip
_WRAPPERS = ("result", "response", "data", "output", "body", "content")

_STARTS = re.compile(
    r"""[\s\W]{0,6}(?:
      (?:an?\s+|the\s+|internal\s+|unexpected\s+|fatal\s+|tool\s+|runtime\s+|api\s+|server\s+|execution\s+|validation\s+)*
        (?:error|exception|failure|fatal|traceback)\b
        (?!\s*(?:rate|margin|bars?|handling|analysis|codes?\s+(?:list|reference)|logs?\b|free))
    | [a-z_.]{0,60}(?:error|exception)\s*[:(\[]
    | (?:http(?:/\d(?:\.\d)?)?\s*)?(?:status\s*(?:code)?\s*[:=]?\s*)?[45]\d\d\b\s*[:\-]?\s*(?:[-\w ]{0,20})
        (?:error|not\ found|unauthorized|forbidden|bad\ (?:request|gateway)|conflict|timeout|unavailable|too\ many|unprocessable)
    | http(?:/\d(?:\.\d)?)?\s*[:=]?\s*[45]\d\d\b
    | (?:failed|unable|not\ able)\s+to\b | (?:could|can|did|does|do)\s?(?:n't|not)\b | cannot\b
    | (?:permission|access|request|authentication|authorization)\s+(?:was\s+)?(?:denied|failed|rejected|refused|timed\ out)
    | (?:invalid|unknown|unsupported|unrecognized|missing|malformed|illegal)\s+\w+
    | (?:tool|function|command|action|operation|call|request|query)\s[^.\n]{0,60}?
        \b(?:failed|not\ found|does\ not\ exist|is\ not\ (?:a\ valid|available|allowed)|timed\ out)
    | there\ is\ no\ (?:tool|function)\b
    | (?:timed?\ ?out|timeout|unauthorized|forbidden|not\ found|no\ such|out\ of\ memory|segmentation\ fault
        |connection\ (?:refused|reset|error|timed))\b
    | [\w./-]{1,40}:\s(?:\S[^\n]{0,80}:\s)?(?:command\ not\ found|no\ such\ file|permission\ denied|not\ found|syntax\ error)
    )""",
    re.IGNORECASE | re.VERBOSE,
)  # fmt: skip
_WITHIN_SHORT = re.compile(
    r"\b(?:(?:was|were|is|are|does|do|has|have)?\s?(?:not|n't)\s(?:be\s)?(?:found|exist|valid|allowed|permitted"
    r"|available|authori[sz]ed|supported|eligible)"
    r"|no such|invalid|failed|failure|error|exception|denied|forbidden|unauthori[sz]ed|rejected|timed out|timeout"
    r"|unsuccessful"
    r"|does(?:n't| not) (?:exist|match|belong|add up)|must (?:be|have|not)|is required|missing (?:required|argument"
    r"|parameter))\b",
    re.IGNORECASE,
)
_NOT_AN_ERROR = re.compile(
    r"\b(?:no|0|zero|without(?: any)?|free of|not an?|never|fixed|resolved|handled|any) (?:known |further |other "
    r"|syntax |validation )?"
    r"(?:errors?|failures?|exceptions?|issues?|problems?|failed|invalid)\b|\b(?:0|no(?:ne)?) (?:tests? )?failed\b"
    r"|\berrors?\s*[:=]\s*(?:0|none|null|false|\[\])"
    r"|\bfailed\s*[:=]\s*(?:0|none|null|false)\b|\b(?:successfully|completed|passed)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\bhow(?:to| to| do i| can i| you can) (?:\w+ ){0,2}?(?:fix|solve|resolve|avoid|handle|troubleshoot|repair|deal|remove"
    r"|get rid"
    r"|prevent)|\btroubleshooting(?: guide| steps| tips)?\s*[:\-]|^\W*(?:q|question|title|topic|heading)\s*:",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"^\W*(?:how|why|what|when|if|whenever|in case|to|guide|tips?|steps?|fix(?:ing)?|solving|resolving|understanding|common)\b"
    r"|\b(?:if|in case|when(?:ever)?) (?:you|your|the|this|it|that|an?)\b",
    re.IGNORECASE,
)
_FIRST_SENTENCE = re.compile(r"(?<=[^\W\d])[.!?]\s|\n")
_TITLE_KEYS = frozenset({"title", "question", "topic", "headline", "subject"})
_ADVICE_KEYS = frozenset({"solution", "solutions", "resolution", "answer", "body", "content", "steps", "text", "fix", "excerpt",
                          "snippet", "summary", "workaround"})  # fmt: skip
_UNAVAILABLE = re.compile(
    r"\b(?:timed?[ -]?out|timeout\w*|deadline exceeded|(?:service|server|system|api|host|backend|endpoint"
    r"|upstream)\w* (?:is |was )?"
    r"(?:currently |temporarily |not )?(?:unavailable|available|down|offline|overloaded|busy|unreachable|responding)"
    r"|temporar(?:il)?y (?:\w+ )?(?:unavailable|errors?|failures?|problems?|down|offline)|overloaded|unreachable"
    r"|rate.?limit\w*|too many requests|throttl\w+|quota exceeded|bad gateway|upstream|internal (?:server )?error|server error"
    r"|connection\w*|econn\w+|network|no route|dns|ssl|try again later|http[/ :=\d.]*5\d\d|(?:status"
    r"|error)[ _]?(?:code)?\W{0,3}(?:5\d\d|429)"
    r"|(?:5\d\d|429) (?:server|service|internal|bad|gateway|error|too)|\w+(?:timeout|ratelimit|unavailable|connect)\w*error)\b"
    r"|[a-z](?:Timeout|RateLimit|Throttl|Unavailable|Connection|Overloaded)|^\W*(?:50[0234]|529|429)\b",
    re.IGNORECASE,
)
_PAIR = re.compile(r"^[ \t]*[\"']?([A-Za-z_]{2,30})[\"']?[ \t]*[:=][ \t]*(.{0,200})$", re.MULTILINE)
_TRACEBACK = re.compile(r"^\s*Traceback \(most recent call last\):", re.MULTILINE)
_EXCEPTION_LINE = re.compile(
    r"^(?:[a-zA-Z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|Interrupt|Exit|Timeout)\b(?::.*)?$", re.MULTILINE
)
_EXIT = re.compile(
    r"\b(?:exit(?:ed)?[ _]?(?:code|status|with(?: code| status)?)|return[ _]?code|exitcode)\b\W{0,4}(?:was "
    r"|is )?(-?\d{1,3})\b",
    re.IGNORECASE,
)
_NO_TOOL = re.compile(
    r"\b(?:(?:unknown|unrecogni[sz]ed|no such|undefined|non-?existent|invalid)[ _-](?:tool|function|action)s?\b"
    r"|(?:there is |there's )?no (?:tool|function|action)s? (?:(?:named|called|by the name(?: of)?) |[\"'`“]\S+[\"'`”])"
    r"|(?:tool|function)_not_found\b"
    r"|(?:tool|function|action)s? (?:named |called )?\S{0,60}\s?(?:not found|(?:does not|doesn't) exist"
    r"|is not (?:a )?(?:valid|defined|registered|available|known)))",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ErrorText:
    """An error read from a result: its message, and how sure it is that the result is one."""

    message: str
    confidence: float
    unknown_tool: bool = False


def error_in(result: str) -> ErrorText | None:
    """The error that a tool's result tells of, or None.

    Looks at fields of JSON and of `key: value` lines, at how the text begins, at the whole of a short text, and at the end for
    tracebacks and exit codes. A document that mentions errors, or says how to cure one, is not an error.
    """
    text = result.strip()
    if not text:
        return None
    if text[0] in "{[" and text[-1] in "}]":
        found = _in_json(text)
        if found is not None or _is_json(text):
            return found
    if _ABOUT.search(_FIRST_SENTENCE.split(text[:HEAD], maxsplit=1)[0]) is not None:
        return None
    return _at_start(text) or _in_pairs(text) or _at_end(text) or _in_short(text)


def unavailable(message: str) -> bool:
    """Whether an error says that what is behind the tool did not answer: timeouts, connections, limits, statuses of 500 and more.

    Other arguments would not have helped; to wait, to try something else or to say so would.
    """
    return _UNAVAILABLE.search(message) is not None


def recorded_error(message: str) -> ErrorText:
    """An error that the tracer recorded as such."""
    return _make(message, 0.97)


def _make(message: str, confidence: float, code: str = "") -> ErrorText:
    line = " ".join(message.split())[:300]
    return ErrorText(line, confidence, _NO_TOOL.search(f"{code[:80]}: {line}") is not None)


def _is_json(text: str) -> bool:
    return _decoded(text) is not None


def _decoded(text: str) -> Any:
    try:
        return decode(text)
    except (DecodeError, RecursionError):
        return None


def _in_json(text: str) -> ErrorText | None:
    value = _decoded(text)
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, dict)]
        found = [_in_object(row) for row in rows]
        if rows and len(rows) == len(value) and all(found):
            return found[0]
        return None
    return _in_object(value) if isinstance(value, dict) else None


def _in_object(fields: Mapping[str, Any], depth: int = 0) -> ErrorText | None:
    if _is_article(fields):
        return None
    for key, value in fields.items():
        confidence = _field_is_error(key.lower(), value)
        if confidence:
            code = value if isinstance(value, str) else ""
            return _make(_message_of(fields, value), confidence if len(fields) <= 6 else 0.75 * confidence, code)
    if depth == 0:
        for key in _WRAPPERS:
            inner = fields.get(key)
            if isinstance(inner, dict) and len(fields) <= 4:
                return _in_object(inner, 1)
            if isinstance(inner, str) and all(name.lower() in _ENVELOPE for name in fields):
                return _at_start(inner.strip())
    return None


def _is_article(fields: Mapping[str, Any]) -> bool:
    """Whether a record is a document about something, which may be an error: it has a title and says what to do."""
    names = {key.lower() for key in fields}
    return not names.isdisjoint(_TITLE_KEYS) and not names.isdisjoint(_ADVICE_KEYS) and names.isdisjoint(_FALSE_KEYS | _TRUE_KEYS)


def _field_is_error(key: str, value: Any) -> float:
    """How sure the one field makes it that the whole is an error; 0 where it says nothing."""
    if key in _ERROR_KEYS:
        return 0.0 if _says_nothing(value) else 0.95
    if key in _FALSE_KEYS:
        return 0.95 if value is False or (isinstance(value, str) and value.lower() == "false") else 0.0
    if key in _TRUE_KEYS:
        return 0.95 if value is True else 0.0
    if key in _STATUS_KEYS and isinstance(value, str) and value.lower().replace(" ", "_") in _BAD_STATUS:
        return 0.85 if key != "type" else 0.7
    if key in _CODE_KEYS and isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
        return 0.85 if key != "code" else 0.5
    return 0.0


def _says_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _EMPTY
    return not value


def _message_of(fields: Mapping[str, Any], value: Any) -> str:
    if isinstance(value, dict):
        inner = next((value[k] for k in _MESSAGE_KEYS if isinstance(value.get(k), str)), None)
        return inner or str(value)
    if isinstance(value, str) and len(value) > 12:
        return value
    told = next((fields[k] for k in _MESSAGE_KEYS if isinstance(fields.get(k), str) and fields[k]), None)
    return told or (value if isinstance(value, str) else "the result says that it failed")


def _at_start(text: str) -> ErrorText | None:
    first = text[:HEAD]
    line = first.split("\n", 1)[0]
    if _STARTS.match(line) is None:
        return None
    trouble = _EXCEPTION_LINE.search(text[-TAIL:]) if _TRACEBACK.match(first) else None
    mild = _NOT_AN_ERROR.search(line) is not None
    document = len(text) > 4 * SHORT and ":" not in line[:80]
    return None if mild else _make(trouble.group() if trouble else line, 0.5 if document else 0.92)


def _in_pairs(text: str) -> ErrorText | None:
    """`key: value` lines, as YAML prints them, in the head of the text."""
    pairs = _PAIR.findall(text[:HEAD])
    if not pairs or len(pairs) < (text[:HEAD].count("\n") + 1) / 2:
        return None
    if _is_article({key: None for key, _ in pairs}):
        return None
    for key, raw in pairs:
        name, value = key.lower(), raw.strip().strip("'\"")
        if name in _ERROR_KEYS and value.lower() not in _EMPTY:
            return _make(value, 0.9)
        if (name in _FALSE_KEYS and value.lower() == "false") or (name in _TRUE_KEYS and value.lower() == "true"):
            return _make(f"{key}: {value}", 0.85)
        if name in _STATUS_KEYS and value.lower().replace(" ", "_") in _BAD_STATUS:
            return _make(f"{key}: {value}", 0.75)
    return None


def _at_end(text: str) -> ErrorText | None:
    tail = text[-TAIL:]
    for source in (text[:HEAD], tail):
        code = _EXIT.search(source)
        if code is not None and code.group(1) not in ("0", "-0"):
            last = _EXCEPTION_LINE.search(tail)
            return _make(last.group() if last else f"exit code {code.group(1)}", 0.85)
    if _TRACEBACK.search(text) is not None:
        last = _EXCEPTION_LINE.search(tail)
        return _make(last.group(), 0.85) if last else None
    return None


def _in_short(text: str) -> ErrorText | None:
    found = _WITHIN_SHORT.search(text) if len(text) <= SHORT else None
    if found is None or _NOT_AN_ERROR.search(text) is not None:
        return None
    before = text[: found.start()]
    return None if _ABOUT.search(before) or _ADVICE.search(before) else _make(text, 0.6)
