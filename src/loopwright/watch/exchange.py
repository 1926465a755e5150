"""What `loopwright watch` writes for machines, as plain JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from loopwright.watch.drift import Shift
from loopwright.watch.finding import DriftFinding, Look
from loopwright.watch.metric import MetricChange
from loopwright.watch.series import Series


def shift_object(shift: Shift) -> dict[str, Any]:
    """A comparison of inputs; `looked_at` gives, for each side, how many of how many inputs."""
    return {
        "shifted": shift.shifted,
        "p_value": shift.p_value,
        "effect": shift.effect,
        "inputs": asdict(shift.inputs) if shift.inputs is not None else None,
        "by_attribute": {name: asdict(part) for name, part in shift.by_attribute.items()},
        "novel": list(shift.novel),
        "looked_at": {"reference": list(shift.reference), "current": list(shift.current)},
        "message": shift.message,
    }


def metric_object(series: Sequence[Series], changes: Sequence[MetricChange]) -> dict[str, Any]:
    """The change points of a metric, and how much there was to look at."""
    segmented = len(series) > 1 or any(one.segment for one in series)
    return {
        "change_points": [_change(change, segmented) for change in changes],
        "points": sum(len(one.values) for one in series),
        "gaps": sum(one.gaps for one in series),
        "segments": [one.segment for one in series] if segmented else [],
    }


def look_object(look: Look) -> dict[str, Any]:
    """One drift as it stands."""
    return {
        "kind": look.kind.value,
        "compared": look.compared,
        "undecided": look.undecided or None,
        "findings": [finding_object(finding) for finding in look.findings],
    }


def finding_object(finding: DriftFinding) -> dict[str, Any]:
    """One finding with its evidence and the responses to it."""
    return {
        "finding_id": finding.finding_id,
        "kind": finding.kind.value,
        "subject": finding.subject,
        "period": finding.period,
        "summary": finding.summary,
        "p_value": finding.p_value,
        "effect": finding.effect,
        "evidence": finding.evidence,
        "responses": [{"command": command, "does": does} for command, does in finding.responses],
        "trace_ids": list(finding.trace_ids),
        "found_at": finding.found_at.isoformat() if finding.found_at is not None else None,
    }


def _change(change: MetricChange, segmented: bool) -> dict[str, Any]:
    row = asdict(change)
    segment = row.pop("segment")
    return {**row, "segment": segment} if segmented else row
