"""Reports become rows: what the phases of a test amount to, wherever it ran."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from loopwright.surfaces.pytest_plugin.marking import PREFIX

MAX_ERROR = 500
Row = dict[str, Any]
"""A line of the gate's exchange format."""
_NUMBERS = ("score", "cost_usd", "latency_ms")
_KINDS: dict[str, type] = dict.fromkeys(("eval_id", "mode_id", "layer", "suite_digest", "case_digest", "judge_id"), str)
_KINDS |= dict.fromkeys(("deterministic", "sealed", "judge_calibrated"), bool) | dict.fromkeys(("trial", "tokens"), int)


class Gathered:
    """The results of a session. `failures` counts the reports of evals by which pytest takes the session for failed."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._open: dict[str, Row] = {}
        self.skipped = 0
        self.failures = 0

    def take(self, report: pytest.TestReport) -> None:
        """One phase of a test; a test that is no eval leaves nothing."""
        told = _told(report)
        if not isinstance(told.get("eval_id"), str):
            return
        if report.failed and not hasattr(report, "wasxfail"):
            self.failures += 1
        row = self._open.setdefault(report.nodeid, {"trial": 0, "passed": None, "error": "the test did not end"})
        row |= _fields(told)
        if str(report.outcome) == "rerun":
            row.setdefault("first_try", None if report.when == "setup" else False)
        if _not_run(report):
            row["skipped"] = True
        elif report.when == "call":
            row |= _verdict(report, told)
            row.setdefault("latency_ms", 1000 * report.duration)
        elif report.failed:
            if report.when == "setup" or row["passed"]:
                row["passed"] = None
            row["error"] = f"{report.when}: {_message(report)}"
        if report.when == "teardown":
            self._close(report.nodeid)

    def rows(self, common: Mapping[str, Any]) -> list[Row]:
        """All rows, each with what is `common` to the session; one whose test did not end has no verdict."""
        for nodeid in list(self._open):
            self._close(nodeid)
        made = [dict(common) | {name: value for name, value in row.items() if _known(name, value)} for row in self._rows.values()]
        return sorted(made, key=lambda row: (row["eval_id"], row["trial"]))

    def _close(self, nodeid: str) -> None:
        row = self._open.pop(nodeid)
        if row.pop("skipped", False):
            self.skipped += 1
            return
        row["passed"] = row.pop("first_try", row["passed"])
        if row["passed"] is not None:
            row.pop("error", None)
        elif not row.get("error"):
            row["error"] = "the first try broke"
        again = f"{nodeid} again {len(self._rows)}" if nodeid in self._rows else nodeid
        self._rows[again] = row


def _known(name: str, value: Any) -> bool:
    return value is not None or name == "passed"


def _verdict(report: pytest.TestReport, told: Mapping[str, Any]) -> Row:
    """What the call amounts to. Failing as expected is failing; a case that says why it has no verdict has none."""
    if report.passed:
        return {"passed": True, "error": None}
    if told.get("error"):
        return {"passed": None, "error": str(told["error"])[:MAX_ERROR]}
    return {"passed": False, "error": None}


def _told(report: pytest.TestReport) -> Row:
    """The properties that are ours by name; of one that is there twice the first counts: a test cannot change what it is."""
    told: Row = {}
    for name, value in report.user_properties:
        if name.startswith(PREFIX):
            told.setdefault(name.removeprefix(PREFIX), value)
    return told


def _not_run(report: pytest.TestReport) -> bool:
    """Skipped; a test that failed as it was expected to did run."""
    return report.skipped and not (hasattr(report, "wasxfail") and report.when == "call")


def _fields(told: Mapping[str, Any]) -> Row:
    """The properties as fields; what a test itself recorded is taken where it is of the field's type."""
    row: Row = {name: value for name, value in told.items() if name in _KINDS and type(value) is _KINDS[name]}
    if row.get("tokens", 0) < 0:
        del row["tokens"]
    for name in _NUMBERS:
        value: Any = told.get(name)
        if type(value) in (int, float) and math.isfinite(value) and (value >= 0 or name == "score"):
            row[name] = float(value)
    return row | ({"tags": str(told["tags"]).split(",")} if told.get("tags") else {})


def _message(report: pytest.TestReport) -> str:
    """The last line of what went wrong."""
    lines = str(report.longrepr or "failed").strip().splitlines()
    crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", None)
    return " ".join(str(crash or (lines[-1] if lines else "failed")).split())[:MAX_ERROR]
