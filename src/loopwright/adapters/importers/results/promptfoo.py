"""promptfoo's results: `promptfoo eval -o results.json` (or `.jsonl`).

Each row of its `results` is one trial. A test is known by `metadata.id`, otherwise by its description and a digest of its
variables: promptfoo gives tests no id of their own, and counts them by place. `--repeat` gives several rows of one test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loopwright.adapters.importers.results.rows import Row, Trials, clipped, described, mapping, number, refuse, row
from loopwright.audit.digest import digest

ARRAYS = (("results", "results"), ("results",))
"""Where its rows stand: in an exported evaluation, and in the summary alone."""

_ERROR = 2
"""Its `failureReason` of a trial that could not be judged."""
_CURE = "write it with promptfoo eval -o results.json"


class Promptfoo:
    """Rows out of promptfoo's results. Where there are several prompts or providers, each is a case of its own."""

    def __init__(self) -> None:
        self._trials = Trials()
        self._held: list[tuple[Row, tuple[str, int], Any]] = []

    def take(self, record: Mapping[str, Any]) -> None:
        """One of its results; raises `RecordError`."""
        if type(record.get("success")) is not bool or not isinstance(record.get("testCase", record.get("vars")), Mapping):
            raise refuse("a result of promptfoo has success and testCase, and this has not", _CURE)
        test = record.get("testCase") or {}
        passed, error = _verdict(record)
        response = mapping(record.get("response"))
        fresh = not response.get("cached")
        usage = mapping(record.get("tokenUsage") or response.get("tokenUsage"))
        made = row(
            _name(test, record),
            0,
            passed,
            error=error,
            score=number(record.get("score")),
            cost_usd=number(record.get("cost")) if fresh else None,
            latency_ms=number(record.get("latencyMs")) if fresh else None,
            tokens=number(usage.get("total")) if fresh else None,
            case_digest=digest("promptfoo", test.get("vars"), test.get("assert")),
            **described(test.get("metadata")),
        )
        index = record.get("promptIdx")
        self._held.append((made, (_provider(record), index if type(index) is int else 0), record.get("id")))

    def finish(self, header: Mapping[str, Any]) -> Iterator[Row]:
        """All rows; `header` is the evaluation without its results."""
        names = _columns({column for _, column, _ in self._held})
        run_id = header.get("evalId")
        for made, column, key in self._held:
            eval_id = made["eval_id"] + names[column]
            trial = self._trials.number(eval_id, key if isinstance(key, str) and key else None)
            named = {"run_id": f"promptfoo-{run_id}"} if isinstance(run_id, str) and run_id else {}
            yield made | {"eval_id": eval_id, "trial": trial} | named

    @property
    def notes(self) -> list[str]:
        """What a person should know of the file."""
        return []


def _verdict(record: Mapping[str, Any]) -> tuple[bool | None, str | None]:
    if record["success"]:
        return True, None
    error = record.get("error")
    reason = record.get("failureReason")
    if reason == _ERROR or (reason is None and error and not record.get("gradingResult")):
        return None, clipped(error or "promptfoo counts it as an error")
    return False, None


def _name(test: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    own = mapping(test.get("metadata")).get("id")
    if type(own) in (str, int) and str(own).strip():
        return str(own)
    what = digest("promptfoo", test.get("vars") or record.get("vars"))[:8]
    description = test.get("description")
    return f"{clipped(description)} [{what}]" if isinstance(description, str) and description.strip() else f"test-{what}"


def _provider(record: Mapping[str, Any]) -> str:
    provider = record.get("provider")
    if isinstance(provider, Mapping):
        provider = provider.get("label") or provider.get("id")
    return str(provider or "")


def _columns(columns: set[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """What tells the prompts and providers apart in an id. Prompts are numbered: their text is what changes between versions."""
    providers = sorted({provider for provider, _ in columns})
    names = {}
    for provider in providers:
        of_it = sorted(column for column in columns if column[0] == provider)
        for place, column in enumerate(of_it, 1):
            names[column] = (f" @{provider}" if len(providers) > 1 else "") + (f" prompt {place}" if len(of_it) > 1 else "")
    return names
