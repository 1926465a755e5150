"""What a candidate takes, in words: read off the `statistics` of a decision, recorded or new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from loopwright.evaluate.budget import dollars
from loopwright.gate.decision import GateDecision, Regression
from loopwright.wording import counted, number, percent

_VERDICTS = {
    "above": "above its margin",
    "within": "within its margin",
    "open": "undecided",
    "unmeasured": "undecided: see why",
    "none": "no margin is set",
}


class MarginLine(NamedTuple):
    """A mean trial before and now, how many times as much that is, with its interval, and what the margin allows."""

    metric: str
    before: str
    after: str
    times: str
    interval: str
    allowed: str
    verdict: str


COLUMNS = ("what", "before", "now", "times", "interval", "margin", "")


def margin_lines(decision: GateDecision) -> list[MarginLine]:
    """A line for each metric that was measured or has a margin."""
    return [_line(row) for row in rows(decision)]


def rows(decision: GateDecision) -> list[dict[str, Any]]:
    """What the decision holds of each metric; none where no figures were compared."""
    held = decision.statistics.get("margins") or {}
    found: list[dict[str, Any]] = held.get("measured") or []
    return found


def sides(regression: Regression, decision: GateDecision) -> tuple[str, str]:
    """Before and now of a regression: trials that passed, or, of a margin, what a trial takes."""
    row = next((row for row in rows(decision) if row["metric"] == regression.level), None)
    if row is None:
        return f"{regression.before[0]} of {regression.before[1]}", f"{regression.after[0]} of {regression.after[1]}"
    return amount(row, "before"), amount(row, "after")


def title(decision: GateDecision) -> str:
    """What the table is of."""
    confidence = percent(decision.statistics["margins"]["confidence"], None)
    return f"What a trial takes, each case counted once (interval: {confidence})"


def told(row: Mapping[str, Any]) -> str:
    """One metric in a sentence."""
    line = _line(row)
    margin = f"; its margin allows {line.allowed}" if row["margin"] else ""
    return f"{line.metric}: {line.before} before, {line.after} now, {line.times} ({line.interval}){margin}: {line.verdict}"


def amount(row: Mapping[str, Any], side: str) -> str:
    """What a trial takes on a side, in the metric's unit."""
    value = row[side]
    if value is None:
        return "not measured"
    if row["metric"] == "cost":
        return dollars(value)
    if row["metric"] == "latency":
        return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.3g} ms"
    return number(value) if value >= 10 else f"{value:.2g}"


def why_margin(decision: GateDecision, metric: str) -> list[str]:
    """What was measured, how the ratio is tested, with the numbers to check, and what would have been approved."""
    row = next((row for row in rows(decision) if row["metric"] == metric), None)
    if row is None:
        return [f"{metric.capitalize()}: no case has the figure on both sides, and no margin is set: there is nothing to tell."]
    n0, n1 = row["trials"]
    lines = [
        f"{metric.capitalize()}: {counted(row['cases'], 'case')} measured on both sides",
        f"{counted(n0, 'planned trial')} before, {n1} now; {row['field']} is missing in {row['lacking'][0]} and "
        f"{counted(row['lacking'][1], 'judged trial')}, and {row['left_out'][0]} and {row['left_out'][1]} without a verdict are "
        "left out.",
    ]
    if row["before"] is None:
        return lines
    lines.append(
        f"The mean over cases of each case's mean is {row['before']:.6g} before and {row['after']:.6g} now: "
        f"{_times(row['ratio'])} ({_interval(row)})."
    )
    lines += _tested(row, decision) if row["margin"] else [f"No margin is set (gate.{metric}_margin), so that nothing follows."]
    if row["rose"]:
        few = ", ".join(f"{r['eval_id']} ({r['before']:.4g} to {r['after']:.4g})" for r in row["rose"][:5])
        lines.append(f"The cases that rose most: {few}.")
    return lines


def _tested(row: Mapping[str, Any], decision: GateDecision) -> list[str]:
    most, drawn = 1 + row["margin"], row["exchanges"]
    level, alpha = decision.statistics["margins"]["level"], decision.statistics["alpha"]
    if row["p_above"] is None:
        return []
    lines = [
        f"The margin allows {most:.4g} times as much. Were it just that, trials of a case now, divided by {most:.4g}, and before "
        f"could change places: of {counted(drawn, 'exchange')} of trials within the cases, the true division among them, "
        f"{number(row['p_above'] * drawn)} make now look at least as dear, {number(row['p_within'] * drawn)} at least as cheap.",
        f"Above the margin is shown where the first share is at most {level:.4g}; it is {row['p_above']:.4g}. "
        f"Within is shown where the second is at most {alpha:.4g}; it is {row['p_within']:.4g}.",
        f"So it is {_VERDICTS[row['verdict']]}.",
    ]
    if row["verdict"] == "above" and row["high"] is not None:
        lines.append(f"It would be within at a margin of {percent(row['high'] - 1)} and more.")
    return lines


def _line(row: Mapping[str, Any]) -> MarginLine:
    allowed = f"{1 + row['margin']:.4g}" if row["margin"] else "none"
    measured = row["before"] is not None
    times, interval = (_times(row["ratio"]), _interval(row)) if measured else ("", "")
    return MarginLine(
        row["metric"], amount(row, "before"), amount(row, "after"), times, interval, allowed, _VERDICTS[row["verdict"]]
    )


def _times(ratio: float | None) -> str:
    return "more than nothing" if ratio is None else f"{_number(ratio)} times"


def _interval(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None or row["low"] is None:
        return "no interval"
    return f"{_number(row['low'])} to {'any' if row['high'] is None else _number(row['high'])}"


def _number(value: float) -> str:
    return f"{value:.2f}" if 0.1 <= value < 100 or value == 0 else f"{value:.2g}"
