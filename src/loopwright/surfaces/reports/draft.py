"""A draft case as the YAML that a person copies into the suite."""

from __future__ import annotations

from typing import Any

import yaml

from loopwright.evaluate.case import Check, EvalCase
from loopwright.surfaces.reports.text import visible


LONGEST = 12_000


def draft_text(case: EvalCase) -> str | None:
    """The case as a suite file of its own, None where that is longer than a page should quote (about 12,000 characters).

    Characters that would act or hide when shown are written as YAML escapes.
    """
    body: dict[str, Any] = {
        "id": case.id,
        "layer": case.layer.value,
        "input": case.input,
        "expected_behaviour": case.expected_behaviour,
        "failure_indicator": case.failure_indicator,
        "scoring_rubric": list(case.scoring_rubric),
        "severity": case.severity,
        "tags": list(case.tags),
        "trials": case.trials,
        "mode_id": case.mode_id,
        "source_trace_ids": list(case.source_trace_ids),
        "checks": [_check(c) for c in case.checks],
    }
    document = {"cases": [{key: value for key, value in body.items() if value not in (None, "", [])}]}
    if len(repr(document)) > LONGEST:
        return None
    text = _dump(document, unicode=True)
    return text if visible(text) == text else _dump(document, unicode=False)


def _dump(document: dict[str, Any], unicode: bool) -> str:
    dumped: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=unicode, width=100)
    return dumped


def _check(check: Check) -> dict[str, Any]:
    return {"type": check.type, **check.options}
