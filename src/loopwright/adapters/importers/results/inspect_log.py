"""Inspect's logs: `.json`, and `.eval`, whose members `zip_members` reads.

A sample in an epoch is one trial: the epochs are the repeats. It passes when every value of every score passes. A letter is one
of Inspect's (C correct, I incorrect, P partly, N no answer); a number passes from `pass_score` on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from loopwright.adapters.importers.results.rows import Row, clipped, described, mapping, number, refuse, row, total
from loopwright.audit.digest import digest

ARRAYS = (("samples",),)
_VALUES = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}
_TIMED = ("time", "working")
_MOST_EPOCHS = 1000
_THIN = 500
"""Characters of an input that its digest covers: the summaries of a log hold no more for certain."""


class InspectLog:
    """Rows out of the samples of a log, or of their summaries."""

    def __init__(self, pass_score: float) -> None:
        self._pass_score = pass_score
        self._held: list[Row] = []
        self._status = ""

    def take(self, sample: Mapping[str, Any]) -> None:
        """One sample in one epoch; raises `RecordError`."""
        known, epoch = sample.get("id"), sample.get("epoch", 1)
        if type(known) not in (str, int) or type(epoch) is not int or epoch < 1:
            raise refuse("a sample of Inspect has id and epoch, and this has not", "write the log again: inspect log convert")
        passed, error, score = self._verdict(sample)
        used = [mapping(usage) for usage in mapping(sample.get("model_usage")).values()]
        seconds = number(sample.get("total_time"))
        self._held.append(
            row(
                str(known),
                epoch - 1,
                passed,
                error=error,
                score=score,
                latency_ms=1000 * seconds if seconds is not None else None,
                tokens=total(u.get("total_tokens") for u in used),
                cost_usd=total(u.get("total_cost") for u in used),
                case_digest=digest("inspect", _asked(sample.get("input")), sample.get("target"), sample.get("choices")),
                **described(sample.get("metadata")),
            )
        )

    def finish(self, header: Mapping[str, Any]) -> Iterator[Row]:
        """All rows; `header` is the log without its samples. Trials that a run was cut off before are rows without a verdict."""
        told = header.get("eval")
        if not isinstance(told, Mapping) or not isinstance(told.get("task"), str):
            raise refuse("a log of Inspect has eval.task, and this has not", "write the log again: inspect log convert")
        self._status = str(header.get("status", "started"))
        run_id = told.get("run_id")
        common = {"run_id": f"inspect-{run_id}"} if isinstance(run_id, str) and run_id else {}
        of_task = described({"version": mapping(told.get("metadata")).get("version"), "tags": told.get("tags")})
        for made in (*self._held, *self._not_run(told)):
            tags = [*of_task.get("tags", []), *made.get("tags", [])]
            yield of_task | made | common | {"eval_id": f"{told['task']}/{made['eval_id']}"} | ({"tags": tags} if tags else {})

    def _not_run(self, told: Mapping[str, Any]) -> Iterator[Row]:
        """Of a run that did not end: the trials that were to be run and were not, as far as the log says which."""
        if self._status == "success":
            return
        config, dataset = mapping(told.get("config")), mapping(told.get("dataset"))
        ran = {(made["eval_id"], made["trial"]) for made in self._held}
        listed = dataset.get("sample_ids")
        whole = isinstance(listed, list) and config.get("limit") is None and config.get("sample_id") is None
        known = [str(id) for id in listed if type(id) in (str, int)] if whole and isinstance(listed, list) else []
        epochs = config.get("epochs")
        for eval_id in dict.fromkeys([*known, *(eval_id for eval_id, _ in ran)]):
            for trial in range(min(epochs, _MOST_EPOCHS) if type(epochs) is int else 1):
                if (eval_id, trial) not in ran:
                    yield row(eval_id, trial, None, error=f"was not run: the log's status is {clipped(self._status)}")

    @property
    def notes(self) -> list[str]:
        """What a person should know of the file."""
        return [f"the log's status is {clipped(self._status)}: not every sample was run"] if self._status != "success" else []

    def _verdict(self, sample: Mapping[str, Any]) -> tuple[bool | None, str | None, float | None]:
        """Whether the sample passed, why there is no verdict where there is none, and the least of its values."""
        error = sample.get("error")
        if error:
            return None, clipped(error.get("message") if isinstance(error, Mapping) else error), None
        if sample.get("invalidation"):
            return None, "the sample was invalidated", None
        scores = sample.get("scores")
        if not isinstance(scores, Mapping) or not scores:
            return None, "the sample has no score", None
        values = [
            value for score in scores.values() for value in _values(score.get("value") if isinstance(score, Mapping) else score)
        ]
        known = [value for value in values if value is not None]
        least = min(known, default=None)
        if least is not None and least < self._pass_score:
            return False, None, least
        limit = sample.get("limit")
        kind = limit.get("type") if isinstance(limit, Mapping) else limit
        if kind in _TIMED:
            return None, f"stopped by its {'time' if kind == 'time' else 'working time'} limit", least
        if len(known) < len(values) or not values:
            return None, "a score is no number and none of C, I, P and N", least
        return True, None, least


def _values(value: Any) -> list[float | None]:
    """A score's value, or the values that it is made of; None for one that says nothing, as NaN for a sample not scored."""
    if isinstance(value, Mapping | list):
        members = value.values() if isinstance(value, Mapping) else value
        return [single for member in members for single in _values(member)]
    if isinstance(value, bool):
        return [float(value)]
    if isinstance(value, str):
        if value.strip().lower() in _VALUES:
            return [_VALUES[value.strip().lower()]]
        try:
            parsed = float(value)
        except ValueError:
            return [None]
        return [parsed if math.isfinite(parsed) else None]
    return [number(value)]


def _asked(input: Any) -> str:
    """The text of an input: messages have ids that differ from run to run."""
    if isinstance(input, list):
        return " ".join(str(m.get("content")) for m in input if isinstance(m, Mapping))[:_THIN]
    return str(input)[:_THIN]
