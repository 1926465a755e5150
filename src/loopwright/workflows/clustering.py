"""Failures become failure modes: from a file, handed on; or in the store, where modes keep their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from loopwright.cluster.clustering import cluster_failures
from loopwright.cluster.mode import Clustering, Recipe
from loopwright.cluster.options import AVERAGE, NOTHING, Known, Options
from loopwright.collect.intake import place
from loopwright.errors import InputError
from loopwright.mine.signal import FailureSignal, FailureTrace, Signal
from loopwright.ports import Embedder, FailureStore, RecordReader
from loopwright.registry import unknown
from loopwright.workflows.driver import drive
from loopwright.workflows.importing import strictly

_CURE = 'give lines as `mine --format json` writes them: {"trace_id", "input_payload", "failure_reason", "context_snapshot"}'


async def cluster(
    failures: Sequence[FailureTrace], embedder: Embedder, options: Options = AVERAGE, known: Known = NOTHING
) -> Clustering:
    """Place every failure in a mode, or on its own; ids of `known` modes are kept."""
    clustering = await drive(cluster_failures(failures, options, known), embedder=embedder)
    return replace(clustering, embedder=embedder.name if clustering.distinct else "")


async def cluster_store(
    store: FailureStore, embedder: Embedder, options: Options = AVERAGE, at: datetime | None = None, anew: bool = False
) -> Clustering:
    """Place every failure of the store, and write modes, memberships and how it was done, `at` which time.

    What a person said about a mode is kept, and so is the cut: where `options` leave the granularity to the data, that of the
    latest clustering holds while method and embedder are the same, so that modes and their ids are steady. `anew` chooses again.
    """
    failures, known = store.failures(), Known.of(store.memberships(), store.modes())
    before = store.recipe() if known.places and not anew else None
    kept = _with_cut_of(before, options)
    clustering = await cluster(failures, embedder, kept, known)
    if before is not None and kept != options and clustering.embedder != before.embedder:
        clustering = await cluster(failures, embedder, options, known)
    store.put_modes(clustering.modes, clustering.memberships, recipe_of(clustering, at))
    return clustering


def recipe_of(clustering: Clustering, at: datetime | None) -> Recipe:
    """How it was done, to be kept beside its modes."""
    return Recipe(clustering.method, clustering.embedder, clustering.distinct, clustering.threshold, clustering.granularity, at)


def _with_cut_of(before: Recipe | None, options: Options) -> Options:
    """The options, with the granularity of the clustering `before` where they leave it to the data."""
    if before is None or before.granularity is None or before.method != options.method or options.granularity:
        return options
    return replace(options, granularity=before.granularity)


def read_failures(reader: RecordReader, path: str) -> list[FailureTrace]:
    """The failures of a JSON Lines file, in order.

    Raises `InputError` naming file and line for a line that is no object, a value of the wrong type, and a `trace_id` that is
    missing or was there before.
    """
    failures: list[FailureTrace] = []
    first: dict[str, int] = {}
    for line, row in strictly(reader.read(path)):
        try:
            failure = failure_of(row)
        except ValueError as error:
            raise InputError(str(error), source=place(path), line=line, cure=_CURE) from None
        if failure.trace_id in first:
            problem = f"trace_id {failure.trace_id!r} was on line {first[failure.trace_id]} before"
            raise InputError(problem, source=place(path), line=line, cure="give each failure an id of its own")
        first[failure.trace_id] = line
        failures.append(failure)
    return failures


def failure_of(row: Mapping[str, Any]) -> FailureTrace:
    """One row as a failure; raises `ValueError` naming the field that is wrong.

    `trace_id` alone is needed. A row without `score` counts in full, one without `signal_type` as a judge's verdict.
    """
    if "trace_id" not in row:
        raise ValueError("trace_id is missing")
    trace_id = row["trace_id"]
    if not isinstance(trace_id, str) or not trace_id:
        raise ValueError(f"trace_id is {trace_id!r}, which is not text" if trace_id != "" else "trace_id is empty")
    severity = _number(row, "severity", 1.0)
    steps = row.get("reasoning_steps") or []
    return FailureTrace(
        trace_id=trace_id,
        timestamp=_time(row.get("timestamp")),
        signal_type=_signal_type(row.get("signal_type")),
        input_payload=_object(row.get("input_payload"), "input"),
        reasoning_steps=[step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else [],
        final_output=_text(row, "final_output"),
        failure_reason=_text(row, "failure_reason"),
        context_snapshot=_object(row.get("context_snapshot"), "context"),
        severity=severity,
        score=_number(row, "score", 1.0),
        signals=tuple(_signals(row.get("signals"))),
        session_id=row["session_id"] if isinstance(row.get("session_id"), str) else None,
        agent=row["agent"] if isinstance(row.get("agent"), str) else None,
        version=row["version"] if isinstance(row.get("version"), str) else None,
    )


def _number(row: Mapping[str, Any], name: str, default: float) -> float:
    value = row.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value!r}, which is not a number from 0 to 1")
    return float(value)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}, which is not text")
    return value or ""


def _object(value: Any, name: str) -> dict[str, Any]:
    """An object as it is; anything else under `name`, so that a payload may be plain text."""
    return value if isinstance(value, dict) else {} if value is None else {name: value}


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"timestamp is {value!r}, which is not an ISO 8601 time") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _signal_type(value: Any) -> FailureSignal:
    if value is None:
        return FailureSignal.LLM_JUDGE_FAIL
    try:
        return FailureSignal(value)
    except ValueError:
        raise ValueError(unknown("signal_type", str(value), [signal.value for signal in FailureSignal])) from None


def _signals(value: Any) -> list[Signal]:
    """The signals that say of what type they are and which detector found them; others add nothing here."""
    found: list[Signal] = []
    for row in value if isinstance(value, list) else []:
        if isinstance(row, dict) and isinstance(row.get("detector"), str) and row.get("type") is not None:
            strength = (_number(row, "severity", 0.0), _number(row, "confidence", 0.0))
            signal = Signal(_signal_type(row["type"]), row["detector"], *strength, reason=_text(row, "reason"))
            found.append(replace(signal, words=_text(row, "words")))
    return found
