"""What the receiver needs: requests cut into parts, and the keys that people send them with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from loopwright.collect.joining import GivenFeedback
    from loopwright.ports.spans import SpanPart

KeyKind = Literal["ingest", "read"]


@dataclass(frozen=True, slots=True)
class Split:
    """What a request came to: parts to keep, feedback to keep, how many spans or records these are, and the refused by reason."""

    parts: tuple[SpanPart, ...] = ()
    feedback: tuple[GivenFeedback, ...] = ()
    taken: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Splitter(Protocol):
    """Cuts OTLP requests into parts, redacted. A span that cannot be taken is refused by itself, and counted."""

    def traces(self, data: bytes) -> Split:
        """An `ExportTraceServiceRequest` in protobuf; raises `RecordError` where it is none."""

    def logs(self, data: bytes) -> Split:
        """An `ExportLogsServiceRequest` in protobuf: feedback, and events of spans; raises `RecordError` where it is none."""

    def json(self, message: Mapping[str, Any]) -> Split:
        """Either of them in JSON, decoded; raises `RecordError` where it is none."""

    def record(self, record: Any) -> Any:
        """Any JSON value, redacted."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key: `digest` is SHA-256 of its text, in hexadecimal. A limit that is None is none of its own."""

    key_id: str
    name: str
    kind: KeyKind
    digest: str
    created_at: datetime
    requests_per_second: float | None = None
    max_bytes: int | None = None


class KeyRing(Protocol):
    """The keys that the server takes."""

    def keys(self) -> Sequence[Key]:
        """All of them as they are now, in the order in which they were made; raises `StoreError` where they cannot be read."""

    def add(self, key: Key) -> None:
        """Keep one more."""

    def remove(self, key_id: str) -> Key:
        """Forget one; raises `UsageError` where there is no such one."""
