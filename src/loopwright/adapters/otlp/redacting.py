"""Redaction of OpenTelemetry's messages: every text in them, in place."""

from __future__ import annotations

from typing import Any, Protocol


class Redactor(Protocol):
    """What takes secrets and personal data out of text."""

    def text(self, value: str) -> str:
        """The text without them."""

    def value(self, value: Any) -> Any:
        """A JSON value without them, keys included."""

    def may_hold(self, data: bytes) -> bool:
        """False where there is surely nothing to take out of these bytes, which is quick to tell."""


def redact_span(span: Any, redactor: Redactor) -> None:
    """Names, attributes, events, links and the status of a span; fields that this version of OTLP does not know are left out."""
    span.DiscardUnknownFields()
    span.name = redactor.text(span.name)
    span.trace_state = redactor.text(span.trace_state)
    if span.status.message:
        span.status.message = redactor.text(span.status.message)
    redact_attributes(span.attributes, redactor)
    for event in span.events:
        event.name = redactor.text(event.name)
        redact_attributes(event.attributes, redactor)
    for link in span.links:
        link.trace_state = redactor.text(link.trace_state)
        redact_attributes(link.attributes, redactor)


def redact_record(record: Any, redactor: Redactor) -> None:
    """The name, the attributes and the body of a log record."""
    record.DiscardUnknownFields()
    record.event_name = redactor.text(record.event_name)
    record.severity_text = redactor.text(record.severity_text)
    redact_attributes(record.attributes, redactor)
    if record.HasField("body"):
        redact_value(record.body, redactor)


def redact_head(head: Any, redactor: Redactor) -> None:
    """The resource or scope of a group of spans or log records."""
    head.DiscardUnknownFields()
    head.schema_url = redactor.text(head.schema_url)
    held = head.resource if hasattr(head, "resource") else head.scope
    if hasattr(held, "version"):
        held.name, held.version = redactor.text(held.name), redactor.text(held.version)
    redact_attributes(held.attributes, redactor)


def redact_attributes(attributes: Any, redactor: Redactor) -> None:
    """Keys and values."""
    for pair in attributes:
        key = pair.key
        clean = redactor.text(key)
        if clean != key:
            pair.key = clean
        redact_value(pair.value, redactor)


def redact_value(value: Any, redactor: Redactor) -> None:
    """An `AnyValue`, however deep; bytes are read as Latin-1, in which every byte is a character."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        text = value.string_value
        clean = redactor.text(text)
        if clean != text:
            value.string_value = clean
    elif kind == "array_value":
        for item in value.array_value.values:
            redact_value(item, redactor)
    elif kind == "kvlist_value":
        redact_attributes(value.kvlist_value.values, redactor)
    elif kind == "bytes_value":
        text = value.bytes_value.decode("latin-1")
        clean = redactor.text(text)
        if clean != text:
            value.bytes_value = clean.encode("latin-1", "replace")
