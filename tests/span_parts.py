"""Parts of traces, as the store takes them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from loopwright.ports import SpanPart

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def part(trace_id: str, *spans: str, data: bytes = b"", content: str = "", **told: Any) -> SpanPart:
    """A part of these spans; `content` tells apart spans of one id that differ."""
    digests = tuple(sha256(f"{span} {content}".encode("utf-8", "surrogatepass")).digest()[:8] for span in spans)
    return SpanPart(trace_id, spans, digests, data or f"{trace_id!a} {spans!a} {content}".encode(), **told)
