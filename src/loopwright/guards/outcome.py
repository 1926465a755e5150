"""How a tool call went, as a guard sees it: which call it was, whether it failed, and whether it was denied."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_ERROR_KEYS = ("error", "errors", "error_message", "exception")
_LONGEST = 300
_SHORT = 240
_STARTS = re.compile(
    r"\W{0,4}(?:(?:an?|the|internal|unexpected|tool|api|server|validation)\s+)*"
    r"(?:error|exception|failed|failure|traceback|timed? ?out|unauthori[sz]ed|forbidden|[45]\d\d\s+\w+)\b"
    r"|\W{0,4}\w{0,40}(?:Error|Exception):"
    r"|\W{0,4}(?:permission|access) (?:was )?denied\b",
    re.IGNORECASE,
)
_RIGHT = r"(?:permissions?|authori[sz]ation|privileges?|access(?: rights)?|rights|scopes?|clearance|credentials|entitlements?)"
_DENIED = re.compile(
    rf"\b(?:{_RIGHT} (?:\w+ )?(?:was |is |were |are |has been )?(?:denied|refused|missing|required|needed|insufficient"
    r"|error|not granted)"
    rf"|(?:insufficient|missing|lack(?:s|ing)?(?: the)?|without|no|requires?|need(?:s|ed)?) (?:[\w:.-]+ ){{0,3}}{_RIGHT}\b"
    rf"|(?:do(?:es)?|did)(?: not|n'?t) have (?:[\w:.-]+ ){{0,4}}{_RIGHT}\b"
    r"|(?:not|un|n'?t|never) ?(?:be |been |yet )?(?:authori[sz]ed|authenticated|entitled)"
    r"|(?:you|user|agent|role|account|caller|operation|action|call|request|this|it)\b[^.\n]{0,40}\bnot (?:be )?permitted"
    r"|not allowed (?:to|for)\b|forbidden|(?:access|permission|operation|action|request|call) (?:is |was )?"
    r"(?:denied|not permitted|not allowed)"
    r"|(?:requires?|needs?|awaiting|without|pending) (?:\w+ ){0,3}(?:approval|authentication|verification|sign-?off|elevation)"
    r"|(?:approval|authentication|verification|sign-?in|log-?in|elevation) (?:is |was )?"
    r"(?:first )?(?:required|needed|missing|pending)"
    r"|^\W*(?:denied|forbidden)\b"
    r"|(?:must|has to|have to|needs? to) (?:first )?be (?:\w+ )?(?:verified|authenticated|authori[sz]ed|approved|logged in)"
    r"|not (?:been )?(?:verified|logged in|signed in)\b|(?:user|caller|identity|customer|account) (?:is )?unverified"
    r"|(?:restricted|reserved) to (?:\w+ ){0,3}(?:roles?|admins?|administrators?|supervisors?|managers?|owners?)"
    r"|(?:admin|administrator|supervisor|manager|elevated|write|read-only) (?:\w+ )?"
    r"(?:role|rights|permissions?|privileges?|access) (?:is |are )?(?:required|needed)"
    r"|(?:http|status|code|error)\W{0,3}(?:401|403)\b|^\W*(?:401|403)\b|permission_denied|access_denied|eacces|eperm"
    r"|permissionerror|accessdenied\w*|insufficient_\w+)",
    re.IGNORECASE,
)


def call_key(name: Any, arguments: Any) -> str:
    """A text that is the same for the same call: the name, and the arguments whatever the order of their keys.

    Arguments given as JSON text are the same as the value that they stand for.
    """
    value = arguments
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = arguments
    return f"{name} {as_text(value)}"


def as_text(value: Any) -> str:
    """Any value as text: text as it is, plain values as JSON with sorted keys, all else as it prints."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def failure(payload: Mapping[str, Any]) -> str | None:
    """The error that a `tool_result` tells of, recorded or in the result itself; None where the call went well."""
    error = payload.get("error")
    if error is not None and error is not False and error != "":
        return as_text(error)[:_LONGEST]
    result = payload.get("result")
    if isinstance(result, str):
        stripped = result.strip()
        if stripped[:1] != "{":
            return stripped[:_LONGEST] if _failed_text(stripped) else None
        try:
            result = json.loads(stripped)
        except (ValueError, RecursionError):
            return None
    return _failed_fields(result) if isinstance(result, Mapping) else None


def denied(text: str) -> bool:
    """Whether an error says that the call was not permitted, rather than that it was wrong or did not work."""
    return _DENIED.search(text[:_LONGEST]) is not None


def _failed_text(text: str) -> bool:
    return _STARTS.match(text[:_LONGEST]) is not None or (len(text) <= _SHORT and denied(text))


def _failed_fields(fields: Mapping[str, Any]) -> str | None:
    for key in _ERROR_KEYS:
        if fields.get(key):
            return as_text(fields[key])[:_LONGEST]
    if any(fields.get(key) is False for key in ("success", "ok")) or fields.get("status") in (
        "error",
        "failed",
        "denied",
        "forbidden",
    ):
        told = fields.get("message") or fields.get("detail") or fields.get("reason")
        state = fields.get("status")
        return f"{state}: {as_text(told or fields)}"[:_LONGEST] if isinstance(state, str) else as_text(told or fields)[:_LONGEST]
    return None
