"""The bytes of one record become a JSON object, or a refusal that says where they are wrong."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from loopwright.collect.conversation import deeper_than
from loopwright.collect.formats import inspect, managed
from loopwright.collect.intake import printable, shown
from loopwright.errors import RecordError

MAX_DEPTH = 100
_BOM = b"\xef\xbb\xbf"
_AROUND = 30
_decoder = msgspec.json.Decoder()


def decode_object(data: bytes, constants: bool = False) -> dict[str, Any]:
    """The JSON object in `data`; raises `RecordError` naming the place, the value and the cure.

    With `constants`, and in any log of Inspect, NaN is null, and Infinity text: Inspect writes them for scores.
    """
    return _object(_decoded(data.removeprefix(_BOM), constants), data)


def decode_value(data: bytes) -> dict[str, Any] | list[Any]:
    """The JSON object in `data`, or the record of one call of an API; raises `RecordError` as `decode_object` does."""
    value = _decoded(data.removeprefix(_BOM))
    return value if managed.tells(value) and not deeper_than(value, MAX_DEPTH) else _object(value, data)


def _decoded(data: bytes, constants: bool = False) -> Any:
    try:
        return _decoder.decode(data)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeError):
        return _explained(data, constants)


def _object(value: Any, data: bytes) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RecordError(f"{shown(value)} is not a JSON object", cure="give one JSON object a line", reason="not a JSON object")
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    return value


def _explained(data: bytes, taken: bool) -> Any:
    """Say why strict decoding failed: the standard library's slower decoder tells places, and takes more than JSON allows.

    Returns what stands there where it is nothing but NaN or Infinity, and these are `taken` or in a log of Inspect.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(
            f"not UTF-8: byte 0x{data[error.start]:02x} at byte offset {error.start} of the record",
            cure="save the file as UTF-8",
            reason="not UTF-8",
        ) from None
    constants: list[str] = []

    def constant(name: str) -> str | None:
        constants.append(name)
        return None if name == "NaN" else name

    try:
        value = json.loads(text, parse_constant=constant)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise _malformed(text, error) from None
    except ValueError:
        raise RecordError("a number has thousands of digits", cure="write it as text", reason="number out of range") from None
    if _has_surrogate(value):
        raise RecordError(
            "an escape such as \\ud800 is half of a surrogate pair", cure="write the whole character", reason="lone surrogate"
        )
    if constants and (taken or (isinstance(value, dict) and inspect.tells(value))):
        return value
    if constants:
        raise RecordError(f"{constants[0]} is not JSON", cure="write null, or leave it out", reason="NaN or Infinity")
    raise RecordError("a number is too large", cure="write it as text", reason="number out of range")


def _malformed(text: str, error: json.JSONDecodeError) -> RecordError:
    near = text[max(0, error.pos - _AROUND) : error.pos + _AROUND]
    what = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
    if what == "extra data":
        cure = "put each record on a line of its own"
    elif text.strip() in ("{", "["):
        cure = "put each record on one line, as jq -c . does"
    else:
        cure = "mend or remove the line"
    return RecordError(
        f"malformed JSON: {what} at column {error.pos + 1}, near {printable(near.strip()) or 'the end'}",
        cure=cure,
        reason="malformed JSON",
    )


def _has_surrogate(value: Any) -> bool:
    return any(0xD800 <= ord(c) <= 0xDFFF for c in json.dumps(value, ensure_ascii=False))


def _too_deep() -> RecordError:
    return RecordError(
        f"lists and objects are nested more than {MAX_DEPTH} deep", cure="flatten the record", reason="nested too deep"
    )
