"""Redaction of OpenTelemetry's messages: every text in them, in place."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Protocol

_LARGE = re.compile(rb"\x18[\x80-\xff]{3}")
"""A whole number of nine digits or more as protobuf writes it in an `AnyValue`: it may be somebody's number."""

_BETWEEN = "\n\x00\n"
_SMALL = 10**8
_NAMES_SECRETS = re.compile(r"(?i)(?:pass\w*|pwd|secret\w*|token|auth\w*|cookies?|credentials?|key|pin|otp|dsn)\W*\Z")
"""Names that may tell that what stands under them is secret; whether they do, the redactor decides."""


class Redactor(Protocol):
    """What takes secrets and personal data out of text; see `collect.redaction.redactor`."""

    def text(self, value: str) -> str:
        """The text without them."""

    def named(self, name: str, value: str) -> str:
        """The text that stands under a name, without them."""

    def data(self, value: bytes) -> bytes:
        """Bytes that may be text, without them."""

    def value(self, item: Any) -> Any:
        """A JSON value without them, keys included."""

    def may_hold(self, data: bytes) -> bool:
        """False where there is surely nothing to take out of these bytes, which is quick to tell."""


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether what stands under this name may be secret whatever it looks like."""
    return _NAMES_SECRETS.search(name) is not None


def may_hold(redactor: Redactor | None, data: bytes) -> bool:
    """Whether a message, as protobuf, must be looked through."""
    return redactor is not None and (redactor.may_hold(data) or _LARGE.search(data) is not None)


def redact_span(span: Any, redactor: Redactor) -> None:
    """Names, attributes, events, links and the status of a span; fields that this version of OTLP does not know are left out."""
    span.DiscardUnknownFields()
    texts = _Texts(redactor)
    texts.field(span, "name")
    texts.field(span, "trace_state")
    texts.field(span.status, "message")
    texts.attributes(span.attributes)
    for event in span.events:
        texts.field(event, "name")
        texts.attributes(event.attributes)
    for link in span.links:
        texts.field(link, "trace_state")
        texts.attributes(link.attributes)
    texts.redact()


def redact_record(record: Any, redactor: Redactor) -> None:
    """The name, the attributes and the body of a log record."""
    record.DiscardUnknownFields()
    texts = _Texts(redactor)
    texts.field(record, "event_name")
    texts.field(record, "severity_text")
    texts.attributes(record.attributes)
    if record.HasField("body"):
        texts.value("body", record.body)
    texts.redact()


def redact_head(head: Any, redactor: Redactor) -> None:
    """The resource or scope of a group of spans or log records."""
    head.DiscardUnknownFields()
    texts = _Texts(redactor)
    texts.field(head, "schema_url")
    held = head.resource if hasattr(head, "resource") else head.scope
    if hasattr(held, "version"):
        texts.field(held, "name")
        texts.field(held, "version")
    texts.attributes(held.attributes)
    texts.redact()


class _Texts:
    """The texts of a message, where they stand, to be redacted all at once: most of what that costs, it costs for each call."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._places: list[tuple[Any, str]] = []
        self._texts: list[str] = []

    def field(self, message: Any, name: str) -> None:
        """A field that holds text."""
        text = getattr(message, name)
        if text:
            self._places.append((message, name))
            self._texts.append(text)

    def attributes(self, pairs: Any) -> None:
        """Keys and values."""
        for pair in pairs:
            key = pair.key
            self.value(key, pair.value)
            if self._redactor.text(key) != key:  # short, and remembered
                self.field(pair, "key")

    def value(self, name: str, value: Any) -> None:
        """An `AnyValue` under a name, however deep."""
        kind = value.WhichOneof("value")
        if kind == "string_value":
            text = value.string_value
            if names_secret(name):
                value.string_value = self._redactor.named(name, text)
            self.field(value, "string_value")
        elif kind == "int_value":
            self._number(name, value)
        elif kind == "array_value":
            for item in value.array_value.values:
                self.value(name, item)
        elif kind == "kvlist_value":
            self.attributes(value.kvlist_value.values)
        elif kind == "bytes_value":
            value.bytes_value = self._redactor.data(value.bytes_value)

    def redact(self) -> None:
        """Take out of all texts what is to be taken out."""
        whole = _BETWEEN.join(self._texts)
        clean = self._redactor.text(whole)
        if clean == whole:
            return
        found = clean.split(_BETWEEN)
        if len(found) != len(self._texts):  # something was found over a boundary
            found = [self._redactor.text(text) for text in self._texts]
        for (message, name), before, after in zip(self._places, self._texts, found, strict=True):
            if before != after:
                setattr(message, name, after)

    def _number(self, name: str, value: Any) -> None:
        number = value.int_value
        if -_SMALL < number < _SMALL and not names_secret(name):
            return
        (clean,) = self._redactor.value({name: number}).values()
        if clean != number:
            value.string_value = str(clean)
