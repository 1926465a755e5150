"""DeepEval's test runs: the JSON that it writes to `DEEPEVAL_RESULTS_FOLDER`, or `.deepeval/.latest_test_run.json`.

A test case that has only a number for its name (`test_case_3`) is known by a digest of its input and expected output: the number
is its place in the run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from loopwright.adapters.importers.results.rows import Row, Trials, clipped, described, number, refuse, row, total
from loopwright.audit.digest import digest

_NAMES = ("testCases", "conversationalTestCases")
ARRAYS = tuple((*outer, name) for outer in ((), ("testRunData",)) for name in _NAMES)
_PLACE = re.compile(r"(conversational_)?test_case_\d+")


class DeepEval:
    """Rows out of a test run of DeepEval. A metric that broke leaves its test without a verdict, and is no failure."""

    def __init__(self) -> None:
        self._trials = Trials()
        self._held: list[Row] = []

    def take(self, record: Mapping[str, Any]) -> None:
        """One of its test cases; raises `RecordError`."""
        metrics = record.get("metricsData", [])
        success = record.get("success")
        if success not in (True, False, None) or not isinstance(metrics or [], list) or not {"name", "input"} & set(record):
            what = "a test case of DeepEval has name, success and metricsData, and this has not"
            raise refuse(what, "give its test run as JSON")
        metrics = [metric for metric in metrics or [] if isinstance(metric, Mapping)]
        asked = digest("deepeval", record.get("input"), record.get("scenario"), record.get("expectedOutput"))
        name = record.get("name")
        known = isinstance(name, str) and name.strip() and not _PLACE.fullmatch(name)
        passed, error = _verdict(success, metrics)
        seconds = number(record.get("completionTime"))
        made = row(
            clipped(name) if known else f"case-{asked[:8]}",
            0,
            passed,
            error=error,
            score=min((s for m in metrics if (s := number(m.get("score"))) is not None), default=None),
            cost_usd=total([record.get("tokenCost")]),
            latency_ms=1000 * seconds if seconds is not None else None,
            case_digest=asked,
            **described(record.get("additionalMetadata") or record.get("metadata")),
        )
        told = record.get("tags")
        tags = [tag for tag in told if isinstance(tag, str)] if isinstance(told, list) else []
        self._held.append(made | ({"tags": tags} if tags else {}))

    def finish(self, header: Mapping[str, Any]) -> Iterator[Row]:
        """All rows. A test run has no id: one is derived from its rows, so that the same run twice is seen as the same.

        A name that several inputs share, as those of a parametrised test do, is told apart by a digest of the input.
        """
        run_id = f"deepeval-{digest(header.get('runDuration'), self._held)[:16]}"
        inputs = defaultdict(set)
        for made in self._held:
            inputs[made["eval_id"]].add(made["case_digest"])
        for made in self._held:
            eval_id, asked = made["eval_id"], made["case_digest"]
            eval_id += f" [{asked[:8]}]" if len(inputs[eval_id]) > 1 else ""
            yield made | {"eval_id": eval_id, "trial": self._trials.number(eval_id), "run_id": run_id}

    @property
    def notes(self) -> list[str]:
        """What a person should know of the file."""
        return []


def _verdict(success: bool | None, metrics: list[Mapping[str, Any]]) -> tuple[bool | None, str | None]:
    if any(metric.get("success") is False and number(metric.get("score")) is not None for metric in metrics):
        return False, None
    broken = next((metric for metric in metrics if metric.get("error")), None)
    if broken is not None:
        return None, clipped(f"{broken.get('name')}: {broken['error']}")
    passed = success is True and bool(metrics)
    return (True, None) if passed else (None, "no metric decided it")
