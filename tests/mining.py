"""What one detector finds, in one trace or beside its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopwright.collect.trace import Trace
from loopwright.mine.detector import detect_all
from loopwright.mine.detectors import shipped
from loopwright.mine.peers import fit
from loopwright.mine.signal import Signal


def found(
    detector: str, trace: Trace, *, peers: Sequence[Trace] = (), vectors: Mapping[str, Any] | None = None
) -> tuple[Signal, ...]:
    detection = detect_all(trace, [shipped().get(detector)], fit(peers), vectors)
    assert not detection.faults
    return detection.signals
