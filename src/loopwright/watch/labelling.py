"""New inputs as a file for people to label, and what they made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loopwright.collect.trace import Trace

LABEL = "label"


def to_label(traces: Sequence[Trace], most: int) -> list[dict[str, Any]]:
    """At most so many of the traces, evenly over all, as records of the chat format with an empty `label` among the metadata."""
    step = max(1.0, len(traces) / most) if most else 1.0
    chosen = [traces[int(i * step)] for i in range(min(most, len(traces)))]
    return [_record(trace) for trace in chosen]


def _record(trace: Trace) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": trace.trace_id,
        "messages": [{"role": m.role, "content": m.text} for m in trace.messages],
        "session_id": trace.session_id,
        "version": trace.version,
        "timestamp": trace.started_at.isoformat() if trace.started_at is not None else None,
        "metadata": {LABEL: "", "expected": ""},
    }
    return {name: value for name, value in record.items() if value is not None}


def labels_of(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many records carry each label; raises `ValueError` naming the first that has none."""
    counted: Counter[str] = Counter()
    for record in records:
        metadata = record.get("metadata")
        label = metadata.get(LABEL) if isinstance(metadata, Mapping) else None
        if not isinstance(label, str) or not label.strip():
            raise ValueError(f"record {record.get('id')!r} has no metadata.{LABEL}")
        counted[label.strip()] += 1
    return dict(counted)
