"""The events of spans, as messages and verdicts are read out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopwright.collect.dialects.reading import decoded
from loopwright.collect.trace import Span


def events_named(span: Span, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The span's events of these names, each as its attributes with the fields of its body."""
    return [_flat(event) for event in span.events if event.get("name") in names] if span.events else []


def listed_events(value: Any) -> list[Mapping[str, Any]]:
    """Events that stand in an attribute as a list of objects, each with its `event.name`."""
    listed = decoded(value)
    if not isinstance(listed, list):
        return []
    return [item for item in listed if isinstance(item, Mapping) and isinstance(item.get("event.name"), str)]


def _flat(event: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes, body = event.get("attributes"), event.get("body")
    return {
        **(body if isinstance(body, Mapping) else {}),
        **(attributes if isinstance(attributes, Mapping) else {}),
        "event.name": event["name"],
        "event.at": event.get("at"),
    }
