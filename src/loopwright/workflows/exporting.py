"""What Loopwright found is written back to where the traces are looked at: what is new or has changed, and nothing twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loopwright.audit.digest import content_id, digest
from loopwright.mine.signal import FailureTrace, Signal
from loopwright.ports import FailureStore, JudgeStore, Progress, TraceStore
from loopwright.ports.connecting import Evaluation, EvaluationSink, Unread
from loopwright.ports.spans import SpanStore

BATCH = 50
WITHDRAWN = "withdrawn"
"""The label of what was said of a trace and is said no more; its value is 0."""

LONGEST_COMMENT = 2000


class Told(TraceStore, FailureStore, JudgeStore, SpanStore, Protocol):
    """What is written back, and the memory of what was."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: evaluations `sent` by name, those that were there `unchanged`, and those that were not taken."""

    sent: tuple[tuple[str, int], ...] = ()
    unchanged: int = 0
    refused: tuple[Unread, ...] = ()


def of_signals(store: Told) -> Iterator[Evaluation]:
    """How badly each failing trace failed, and each signal of it, on the part of the trace that it is about."""
    for failure in store.failures():
        yield _about(failure, "loopwright.failure", (), failure.score, failure.signal_type.value, failure.failure_reason)
        for signal in failure.signals:
            place = (signal.detector, signal.where.span_ids, signal.where.message_index)
            made = _about(failure, f"loopwright.{signal.type.value}", place, _strength(signal), signal.detector, signal.reason)
            yield made if len(signal.where.span_ids) != 1 else _on(made, signal.where.span_ids[0])


def of_modes(store: Told) -> Iterator[Evaluation]:
    """The failure mode of each failing trace that has one."""
    modes = {mode.mode_id: mode for mode in store.modes()}
    times = {failure.trace_id: failure.timestamp for failure in store.failures()}
    for member in store.memberships():
        mode = modes.get(member.mode_id or "")
        if mode is not None and member.trace_id in times:
            about = f"{mode.mode_id}: {mode.description}" if mode.description else mode.mode_id
            id = content_id("evaluation", member.trace_id, "loopwright.mode")
            yield Evaluation(
                id, member.trace_id, "loopwright.mode", member.strength, mode.name, _clipped(about), at=times[member.trace_id]
            )


def of_verdicts(store: Told) -> Iterator[Evaluation]:
    """What judges said of traces; a verdict that failed says nothing."""
    for verdict in store.verdicts():
        if verdict.passed is None or store.trace(verdict.item_id) is None:
            continue
        why = "; ".join(f"{c.criterion}: {'met' if c.passed else 'not met'}. {c.reason}".strip() for c in verdict.criteria)
        label = "pass" if verdict.passed else "fail"
        yield Evaluation(
            content_id("evaluation", verdict.item_id, "loopwright.judge", verdict.judge_id),
            verdict.item_id,
            "loopwright.judge",
            1.0 if verdict.passed else 0.0,
            label,
            _clipped(why),
            at=verdict.at,
            details={"judge": verdict.judge_id, "model": verdict.model, "rubric": verdict.rubric},
        )


KINDS: dict[str, Callable[[Told], Iterator[Evaluation]]] = {
    "signals": of_signals,
    "modes": of_modes,
    "verdicts": of_verdicts,
}
"""What can be written back, by the name that asks for it."""


async def export(
    store: Told,
    sink: EvaluationSink,
    kinds: Sequence[str],
    *,
    refused: Callable[[Unread], None] | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write what is asked for (see `KINDS`) to a place, and remember it there batch by batch.

    What was written before and is no more is written as withdrawn. What a place does not take is tried again the next time.
    """
    memory = _Memory(store, f"export {sink.name}")
    wanted = {made.id: made for kind in kinds for made in KINDS[kind](store)}
    news = [made for made in wanted.values() if memory.marks.get(made.id, [""])[0] != _mark(made)]
    gone = memory.gone(wanted, kinds)
    count: Counter[str] = Counter()
    not_taken: list[Unread] = []
    if progress is not None:
        progress.start("writing evaluations", len(news) + len(gone))
    try:
        for batch in _batches([*news, *gone]):
            refusals = {item.id: item for item in sink.put(batch)}
            for item in refusals.values():
                not_taken.append(item)
                if refused is not None:
                    refused(item)
            taken = [made for made in batch if made.id not in refusals]
            memory.note(taken)
            count.update(made.name for made in taken)
            if progress is not None:
                progress.advance(len(batch))
            await asyncio.sleep(0)
    finally:
        if progress is not None:
            progress.done()
    return Exported(tuple(sorted(count.items())), len(wanted) - len(news), tuple(not_taken))


@dataclass
class _Memory:
    """What was written to a place: of each evaluation a mark of its content, and what is needed to withdraw it."""

    store: Told
    key: str
    marks: dict[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.marks = _read(self.store.cursor(self.key))

    def gone(self, wanted: dict[str, Evaluation], kinds: Sequence[str]) -> list[Evaluation]:
        """What was written and is said no more, withdrawn; what was withdrawn already is not."""
        names = {"modes": "loopwright.mode", "verdicts": "loopwright.judge"}
        made = []
        for id, (mark, trace_id, name, span_id) in self.marks.items():
            kind = next((kind for kind, of in names.items() if of == name), "signals")
            if id not in wanted and kind in kinds and mark != WITHDRAWN:
                made.append(Evaluation(id, trace_id, name, 0.0, WITHDRAWN, span_id=span_id or None))
        return made

    def note(self, made: Sequence[Evaluation]) -> None:
        """Keep that these were written."""
        if not made:
            return
        for item in made:
            mark = WITHDRAWN if item.label == WITHDRAWN else _mark(item)
            self.marks[item.id] = [mark, item.trace_id, item.name, item.span_id or ""]
        self.store.set_cursor(self.key, json.dumps(self.marks, separators=(",", ":")))


def _read(text: str | None) -> dict[str, list[str]]:
    try:
        held = json.loads(text) if text else {}
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _mark(made: Evaluation) -> str:
    return digest(made.value, made.label, made.comment, made.span_id, made.details)


def _batches(made: Sequence[Evaluation]) -> Iterator[Sequence[Evaluation]]:
    for first in range(0, len(made), BATCH):
        yield made[first : first + BATCH]


def _about(failure: FailureTrace, name: str, place: tuple[object, ...], value: float, label: str, comment: str) -> Evaluation:
    id = content_id("evaluation", failure.trace_id, name, *place)
    return Evaluation(id, failure.trace_id, name, value, label, _clipped(comment), at=failure.timestamp)


def _on(made: Evaluation, span_id: str) -> Evaluation:
    return Evaluation(made.id, made.trace_id, made.name, made.value, made.label, made.comment, span_id, made.at)


def _strength(signal: Signal) -> float:
    return signal.severity * signal.confidence


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST_COMMENT else text[: LONGEST_COMMENT - 1] + "…"
