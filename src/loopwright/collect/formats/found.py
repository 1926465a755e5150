"""What one record of an export holds, and the small readings that every format is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.dialects.reading import decoded
from loopwright.collect.intake import shown
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.record import MAX_ID
from loopwright.collect.times import moment
from loopwright.collect.trace import Span, Trace
from loopwright.errors import RecordError


@dataclass(frozen=True, slots=True)
class Found:
    """What a record holds: whole traces, spans whose trace may go on in other records, and feedback on either."""

    traces: tuple[Trace, ...] = ()
    spans: tuple[Span, ...] = ()
    feedback: tuple[GivenFeedback, ...] = ()


def together(found: Iterable[Found]) -> Found:
    """All that was found, in order."""
    listed = list(found)
    return Found(
        tuple(trace for one in listed for trace in one.traces),
        tuple(span for one in listed for span in one.spans),
        tuple(given for one in listed for given in one.feedback),
    )


def field(record: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that is there and not null."""
    return next((record[name] for name in names if record.get(name) is not None), None)


def objects(value: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects in a list, or in JSON text of one; none where there is none. Raises `RecordError` for anything else."""
    value = decoded(value)
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise RecordError(f"{name} is {shown(value)}", cure="give a list of objects")
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, or JSON text of one; empty for anything else."""
    value = decoded(value)
    return value if isinstance(value, Mapping) else {}


def id_of(record: Mapping[str, Any], *names: str) -> str:
    """The first of these fields as an id; raises `RecordError` where there is none that can name anything."""
    found = optional_id(record, *names)
    if found is None:
        raise RecordError(f"there is no {names[0]}", cure="export the record with its ids", reason="bad id")
    return found


def optional_id(record: Mapping[str, Any], *names: str) -> str | None:
    """The first of these fields as an id; None where all are absent or empty. Raises `RecordError` for what names nothing."""
    value = next((record[name] for name in names if record.get(name) not in (None, "")), None)
    if value is None:
        return None
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_ID or not text.isprintable():
        raise RecordError(
            f"{names[0]} is {shown(value)}", cure=f"give text of 1 to {MAX_ID} printable characters", reason="bad id"
        )
    return text


def label(record: Mapping[str, Any], *names: str) -> str | None:
    """The first of these fields as text that nothing is looked up by; numbers are written out, anything else is none."""
    value = field(record, *names)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def time(record: Mapping[str, Any], *names: str) -> datetime | None:
    """The first of these fields as a time; raises `RecordError` for one that is none."""
    value = field(record, *names)
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        for scale in (1e17, 1e14):  # nanoseconds, microseconds
            if abs(value) >= scale:
                value = value / (scale / 1e8)
                break
    return moment(value, names[0])


def text(value: Any) -> str | None:
    """A value as the text that an attribute carries: text as it is, none for none, all else as JSON."""
    return value if value is None or isinstance(value, str) else canonical(value)


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say something."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def flattened(value: Mapping[str, Any], whole: Sequence[str] = ()) -> dict[str, Any]:
    """Nested objects, and lists of them, as dotted names, as OpenTelemetry's attributes are; `whole` stay as they are."""
    return dict(_flat("", value, frozenset(whole)))


_DEPTH = 32


def _flat(prefix: str, value: Any, whole: frozenset[str], depth: int = 0) -> Iterator[tuple[str, Any]]:
    if prefix in whole or depth > _DEPTH:
        yield prefix, value
    elif isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner, whole, depth + 1)
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for place, inner in enumerate(value):
            yield from _flat(f"{prefix}.{place}", inner, whole, depth + 1)
    elif value is not None:
        yield prefix, value
