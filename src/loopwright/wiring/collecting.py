"""What takes traces in: each adapter is built in a small function of its own, and loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.collect.spans import SpanEvent
from loopwright.collect.trace import Span
from loopwright.ports import PartReader


def part_reader() -> PartReader:
    """Reads the parts of traces that the store keeps."""
    from loopwright.adapters.otlp.wire import decode_protobuf

    def read(data: bytes) -> tuple[Sequence[Span], Sequence[SpanEvent]]:
        batch = decode_protobuf(data)
        return batch.spans, batch.events

    return read
