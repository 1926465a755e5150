"""What a detector is, what it may look at, and how detectors are run: one that fails is a row, not a lost trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopwright.collect.trace import Trace
from loopwright.mine.peers import Peers
from loopwright.mine.reading import Reading, read
from loopwright.mine.signal import FailureSignal, Signal


@dataclass(frozen=True, slots=True)
class Context:
    """What a detector may know beside the trace itself.

    `reading` is the trace, read. `peers` describes the other traces of the batch. `vectors` holds the embedding, a 1-d array of
    length 1, of each text that the detector's `needs` asked for; empty where nothing embeds. `going_on` is whether more may yet
    come in the trace's session, so that how it ends tells nothing.
    """

    reading: Reading
    peers: Peers = field(default_factory=Peers)
    vectors: Mapping[str, Any] = field(default_factory=dict)
    going_on: bool = False


Detect = Callable[[Trace, Context], Iterable[Signal]]
Needs = Callable[[Trace], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Detector:
    """A named, pure `detect(trace, context) -> signals`.

    `type` is the signal type that it finds (a few find two), `finds` says what in one line. `needs(trace)` lists texts whose
    embeddings it can use; it must work without them.
    """

    name: str
    type: FailureSignal
    finds: str
    detect: Detect
    needs: Needs | None = None


@dataclass(frozen=True, slots=True)
class DetectorFault:
    """A detector that failed on a trace; its signals there are missing, all others stand."""

    detector: str
    trace_id: str
    problem: str


@dataclass(frozen=True, slots=True)
class Detection:
    """What all detectors found in one trace, in order of the messages, and which of them failed."""

    reading: Reading
    signals: tuple[Signal, ...]
    faults: tuple[DetectorFault, ...] = ()


def detect_all(
    trace: Trace, detectors: Iterable[Detector], peers: Peers, vectors: Mapping[str, Any] | None = None, *, going_on: bool = False
) -> Detection:
    """Run each detector on one trace. A detector that raises, or returns a value out of range, becomes a `DetectorFault`."""
    context = Context(read(trace), peers, vectors or {}, going_on)
    signals: list[Signal] = []
    faults: list[DetectorFault] = []
    for detector in detectors:
        try:
            found = [_checked(signal) for signal in detector.detect(trace, context)]
        except Exception as error:
            faults.append(DetectorFault(detector.name, trace.trace_id, f"{type(error).__name__}: {error}"))
        else:
            signals.extend(found)
    return Detection(context.reading, tuple(sorted(signals, key=_order)), tuple(faults))


def _checked(signal: Signal) -> Signal:
    for name in ("severity", "confidence"):
        value = getattr(signal, name)
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value!r}; it lies in 0..1")
    return signal


def _order(signal: Signal) -> tuple[float, str, str]:
    index = signal.where.message_index
    return (float("inf") if index is None else index, signal.detector, signal.reason)
