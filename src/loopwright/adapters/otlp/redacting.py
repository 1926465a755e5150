"""Redaction of OpenTelemetry's messages: every text in them, in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any, Protocol

_SMALL = 10**8
_NAMES_SECRETS = re.compile(r"(?i)(?:pass\w*|pwd|secret\w*|token|auth\w*|cookies?|credentials?|key|pin|otp|dsn)\W*\Z")
"""Names that may tell that what stands under them is secret; whether they do, the redactor decides."""


class Redactor(Protocol):
    """What takes secrets and personal data out of text; see `collect.redaction.redactor`."""

    @property
    def known(self) -> Collection[str]:
        """Short texts that hold nothing."""

    def text(self, value: str) -> str:
        """The text without them."""

    def texts(self, values: Sequence[str]) -> list[str]:
        """Many texts without them."""

    def named(self, name: str, value: str) -> str:
        """The text that stands under a name, without them."""

    def data(self, value: bytes) -> bytes:
        """Bytes that may be text, without them."""

    def value(self, item: Any) -> Any:
        """A JSON value without them, keys included."""

    def may_hold(self, data: bytes) -> bool:
        """False where there is surely nothing to take out of these bytes."""

    def places(self, data: bytes) -> Callable[[int], int]:
        """The first place at or behind another where something may begin that is to be taken out, asked from left to right.

        It is behind the end where surely nothing is.
        """


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether what stands under this name may be secret whatever it looks like."""
    return _NAMES_SECRETS.search(name) is not None


def may_hold(redactor: Redactor | None, data: bytes) -> bool:
    """Whether a message, as protobuf, must be looked through."""
    return redactor is not None and redactor.may_hold(data)


def searched(redactor: Redactor | None, data: bytes) -> Callable[[int], int]:
    """Goes through a request once: where something may begin, at or behind a place, that is to be taken out."""
    return (lambda _: len(data)) if redactor is None else redactor.places(data)


def redact_span(span: Any, redactor: Redactor) -> None:
    """Names, attributes, events, links and the status of a span; fields that this version of OTLP does not know are left out."""
    redact_all([texts_of(span, redactor)], redactor)


def texts_of(span: Any, redactor: Redactor) -> Texts:
    """The texts of a span, still to be redacted; what is no text is redacted already."""
    span.DiscardUnknownFields()
    texts = Texts(redactor)
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
    return texts


def redact_all(messages: Sequence[Texts], redactor: Redactor) -> None:
    """Take out of all texts of these messages what is to be taken out; where that fails, they are all as they were."""
    found = iter(redactor.texts([text for texts in messages for text in texts.texts]))
    for texts in messages:
        for (message, name), before in zip(texts.places, texts.texts, strict=True):
            after = next(found)
            if after != before:
                setattr(message, name, after)


def redact_record(record: Any, redactor: Redactor) -> None:
    """The name, the attributes and the body of a log record."""
    record.DiscardUnknownFields()
    texts = Texts(redactor)
    texts.field(record, "event_name")
    texts.field(record, "severity_text")
    texts.attributes(record.attributes)
    if record.HasField("body"):
        texts.value("body", record.body)
    redact_all([texts], redactor)


def redact_head(head: Any, redactor: Redactor) -> None:
    """The resource or scope of a group of spans or log records."""
    head.DiscardUnknownFields()
    texts = Texts(redactor)
    texts.field(head, "schema_url")
    held = head.resource if hasattr(head, "resource") else head.scope
    if hasattr(held, "version"):
        texts.field(held, "name")
        texts.field(held, "version")
    texts.attributes(held.attributes)
    redact_all([texts], redactor)


class Texts:
    """The texts of a message, and where each stands: the message's part that has it, and its field."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.places: list[tuple[Any, str]] = []
        self.texts: list[str] = []

    def field(self, message: Any, name: str) -> None:
        """A field that holds text."""
        text = getattr(message, name)
        if text:
            self.places.append((message, name))
            self.texts.append(text)

    def attributes(self, pairs: Any) -> None:
        """Keys and values."""
        known = self._redactor.known
        for pair in pairs:
            key, value = pair.key, pair.value
            text = value.string_value
            if text and not names_secret(key):
                self.places.append((value, "string_value"))
                self.texts.append(text)
            else:
                self.value(key, value)
            if key not in known and self._redactor.text(key) != key:
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

    def _number(self, name: str, value: Any) -> None:
        number = value.int_value
        if -_SMALL < number < _SMALL and not names_secret(name):
            return
        (clean,) = self._redactor.value({name: number}).values()
        if clean != number:
            value.string_value = str(clean)
