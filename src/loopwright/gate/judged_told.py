"""The judged part of a decision in words: who judged each side, what was observed, and what is left without judges' errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopwright.gate.decision import GateDecision
from loopwright.wording import counted, percent

MOST = 3
"""So many parts, each with judges of its own, are told of."""


def told_judged(decision: GateDecision) -> list[str]:
    """A few lines on each part; none where no judge decided anything."""
    judged = decision.statistics.get("judged")
    if not judged:
        return []
    lines = [line for part in judged["parts"][:MOST] for line in _part(part)]
    left = len(judged["parts"]) - MOST
    lines += [f"and {counted(left, 'more part')} with other judges"] if left > 0 else []
    if judged["again"]:
        later = counted(judged["again"], "verdict")
        lines.append(f"Of the baseline's answers {later} are later ones, of the judge of now on the same answers.")
    return lines


def _part(part: Mapping[str, Any]) -> list[str]:
    changed = "; the judge changed in between" if part["changed"] else ""
    lines = [f"Decided by a judge: {counted(len(part['eval_ids']), 'case')}{changed}."]
    lines += [f"  {name}: {_side(part[key])}" for name, key in (("before", "before"), ("now", "after"))]
    drift = part["drift"]
    if drift is not None:
        same = "chance explains it ill" if drift["found"] else "no more than chance does"
        lines.append(f"  TPR and TNR moved between the two calibrations: p {drift['p_value']:.2g}, {same}")
    return [*lines, *(_fall(part) if part["changed"] else [])]


def _side(side: Mapping[str, Any]) -> str:
    calibration = side["calibration"]
    known = "no calibration is known"
    if calibration is not None:
        since = f" of {calibration['to'][:10]}" if calibration["to"] else ""
        known = f"calibration{since}: {counted(calibration['labels'], 'label')}, TPR {_value(calibration['tpr'])}, "
        known += f"TNR {_value(calibration['tnr'])}"
    passed, trials = side["counts"]
    told = f"{passed} of {counted(trials, 'trial')} passed as judged, {_rate(side['observed'])}"
    corrected = side["corrected"]
    told += f"; corrected {_rate(corrected)}" if corrected["value"] is not None else ""
    return f"{told}; {side['judge_id']} ({known})"


def _fall(part: Mapping[str, Any]) -> list[str]:
    fall = part["fall"]
    if fall is None:
        return ["  The pass rates cannot be corrected: a judge shows no better than chance."]
    end = "more than that" if part["blocked"] else "no proof of more"
    return [
        f"  The judges' errors explain a fall of {100 * fall['explained']:.1f} points. Beyond it, the agent's own rate fell by "
        f"{100 * fall['value']:.1f} points (95 % interval {100 * fall['low']:.1f} to {100 * fall['high']:.1f}).",
        f"  Chance of so much in an agent that did not change: {fall['p_value']:.2g}; it blocks at {part['level']:.3g}: {end}.",
    ]


def _rate(estimate: Mapping[str, Any]) -> str:
    return f"{percent(estimate['value'])} ({percent(estimate['low'])} to {percent(estimate['high'])})"


def _value(estimate: Mapping[str, Any]) -> str:
    return percent(estimate["value"]) if estimate["value"] is not None else "unknown"
