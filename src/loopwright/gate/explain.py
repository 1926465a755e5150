"""A decision in words and tables that an engineer can check by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from loopwright.collect.intake import printable
from loopwright.gate.decision import MARGINS, ComparedRun, GateDecision, Outcome, Regression
from loopwright.gate.judged_told import told_judged
from loopwright.gate.margin_words import COLUMNS, margin_lines, sides
from loopwright.gate.margin_words import title as of_margins
from loopwright.gate.override import rate_beside
from loopwright.gate.shape_words import apart, told_shapes
from loopwright.gate.spending import told_cost, told_spending
from loopwright.wording import counted, percent

SHOWN = 12
"""So many rows of a table are shown; JSON has them all."""
NAMED = 8
"""So many cases are named in a line."""


def explain(decision: GateDecision) -> str:
    """Verdict, what regressed, what would decide, what the run could have seen, and what the naive rule would have said."""
    blocks = [
        [_verdict(decision)],
        _overridden(decision),
        _compared(decision),
        [printable(f"note: {note}.") for note in decision.notes],
        _regressions(decision),
        _fell(decision),
        _suspects(decision),
        _margins(decision),
        _next(decision),
        _lists(decision),
        _quarantined(decision),
        [printable(line) for line in told_judged(decision)],
        _sealed(decision),
        _sight(decision),
        told_spending(decision.statistics.get("spent")),
        _rate_of_overrides(decision),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _verdict(decision: GateDecision) -> str:
    word = decision.decision.value.upper() if decision.decision is not None else ""
    rest = decision.message.partition(": ")[2] or decision.message
    more = [f"  - {reason}." for reason in decision.reasons[1 if decision.decision is Outcome.UNDECIDED else 0 :]]
    return printable_lines([f"{word}  {rest}", *(["also:", *more] if more else [])])


def _overridden(decision: GateDecision) -> list[str]:
    """Who lets it ship all the same, or how that is done."""
    if decision.override is not None:
        by, why = " and ".join(decision.override.by), "; ".join(decision.override.why)
        cases = f" for {', '.join(decision.override.eval_ids)}" if decision.override.eval_ids else ""
        ids = ", ".join(decision.override.override_ids)
        return [printable(f"OVERRIDDEN by {by}{cases} until {decision.override.until:%Y-%m-%d}, and ships: {why} ({ids}).")]
    return []


def _quarantined(decision: GateDecision) -> list[str]:
    """What counts with its mode and the suite alone, for a while."""
    rows = [
        (row["eval_id"], _of(row["before"]), _of(row["after"]), row["until"][:10], row["owner"], row["why"])
        for row in decision.statistics.get("quarantined") or ()
    ]
    title = "In quarantine: counted with their mode and the suite, and not for themselves"
    return _table(title, ("case", "before", "after", "until", "owner", "why"), rows) if rows else []


def _rate_of_overrides(decision: GateDecision) -> list[str]:
    told = [rate] if (rate := rate_beside(decision)) else []
    if not decision.ships and decision.decision_id is not None:
        told.append(f"Recorded as {decision.decision_id}; who answers for it can let it ship: loopwright gate override --help")
    return told


def _compared(decision: GateDecision) -> list[str]:
    """Which runs these were."""
    lines = [f"candidate: {_run(decision.candidate)}"] if decision.candidate is not None else []
    newest = decision.baseline[::-1]
    if newest:
        more = f", and {len(newest) - 1} more" if len(newest) > 1 else ""
        lines.append(f"baseline:  {_run(newest[0])}{more}")
    return [printable(line) for line in lines]


def _run(run: ComparedRun) -> str:
    told = [f"version {run.version}"] if run.version else []
    told += [f"finished {run.finished_at:%Y-%m-%d %H:%M:%S} UTC"] if run.finished_at is not None else []
    name = " in ".join(part for part in (run.run_id, run.source) if part) or "one run"
    return name + (f" ({', '.join(told)})" if told else "")


def printable_lines(lines: Iterable[str]) -> str:
    """Lines of text in which a terminal finds nothing to act on."""
    return "\n".join(printable(line) for line in lines)


def _regressions(decision: GateDecision) -> list[str]:
    found = [r for r in decision.regressions if isinstance(r, Regression)]
    if not found:
        return []
    rows = [
        (r.level, r.mode_id or "" if r.level == "mode" else r.eval_id or "all cases", *sides(r, decision), _p(r)) for r in found
    ]
    return _table("What regressed", ("level", "what", "before", "after", "chance if unchanged"), rows)


def _fell(decision: GateDecision) -> list[str]:
    """Where a drop of many cases together is the proof, the cases that it was made of."""
    if not any(r.level in ("suite", "mode") for r in decision.regressions if isinstance(r, Regression)):
        return []
    rows = [(f["eval_id"], _of(f["before"]), _of(f["after"])) for f in decision.statistics["fell"]]
    return _table("Cases that passed less often, most first (each alone may be noise)", ("case", "before", "after"), rows)


def _margins(decision: GateDecision) -> list[str]:
    """What a trial takes, and what the margins allow."""
    lines = margin_lines(decision)
    return _table(of_margins(decision), COLUMNS, lines) if lines else []


def _suspects(decision: GateDecision) -> list[str]:
    cases = decision.statistics.get("cases") or {}
    rows = [("case", s["eval_id"], _of(s["before"]), _of(s["after"]), f"{s['p_value']:.2g}") for s in cases.get("suspects", [])]
    if not rows:
        return []
    title = (
        f"Solved cases that failed, more often than their own noise explains well (solved: {counted(cases['solved'], 'case')})"
    )
    return _table(title, ("level", "what", "before", "after", "chance if unchanged"), rows)


def _next(decision: GateDecision) -> list[str]:
    if not decision.next:
        return []
    what = "What would decide" if decision.decision is Outcome.UNDECIDED else "What would tell noise from loss"
    total = sum(r.trials for r in decision.next)
    rows = [(r.eval_id, r.trials) for r in decision.next]
    cost = told_cost(decision.statistics.get("spent"))
    table = _table(f"{what}: {counted(total, 'more trial')}{cost}", ("case", "trials"), rows)
    return [*table, *(f"  {printable(command)}" for command in decision.commands)]


def _lists(decision: GateDecision) -> list[str]:
    """The cases to know of; new and changed ones are not compared."""
    told = [("fixed", decision.fixed), ("flaky", decision.flaky), ("missing", decision.missing)]
    told += [(name, decision.statistics.get(name) or ()) for name in ("new", "changed")]
    return [
        f"{_LISTS[name]} ({len(ids)}): {printable(', '.join(ids[:NAMED]))}{', ...' if len(ids) > NAMED else ''}"
        for name, ids in told
        if ids
    ]


_LISTS = {
    "fixed": "fixed",
    "flaky": "flaky",
    "missing": "missing",
    "new": "new, not compared",
    "changed": "changed, not compared",
}


def _sealed(decision: GateDecision) -> list[str]:
    """The open part's pass rate beside the sealed part's."""
    gap = decision.statistics.get("sealed")
    if not gap:
        return []
    points = f"{100 * gap['gap']:.0f} points (95 % interval {100 * gap['low']:.0f} to {100 * gap['high']:.0f})"
    end = "more than chance explains" if gap["found"] else "no more than chance explains"
    return [
        f"Cases passed: {_of(gap['open'])} in the open part, {_of(gap['sealed'])} in the sealed part.",
        f"The gap is {points}, chance of one as large {gap['p_value']:.2g}: {end}.",
    ]


def _sight(decision: GateDecision) -> list[str]:
    suite = decision.statistics.get("suite")
    if not suite:
        return []
    lines = [
        f"before: {_rate(suite['before'])}",
        f"after:  {_rate(suite['after'])}",
        *_chance(suite),
    ]
    drop = decision.statistics["min_detectable_drop"]
    power = percent(decision.statistics["power"], None)
    lines.append(
        f"This run would have found a drop of {100 * drop:.1f} points or more {power} of the time."
        if drop is not None
        else "This run could not have been relied on to find any drop, however large."
    )
    alpha = decision.statistics["alpha"]
    lines.append(f"An unchanged agent is blocked at most {percent(alpha, None)} of the time, over everything looked at.")
    naive = len(decision.statistics["naive"]["regressions"])
    lines.append(
        f"The naive rule (passed before, fails now) would block with {counted(naive, 'regression')}."
        if naive
        else "The naive rule (passed before, fails now) would approve."
    )
    return lines


def _chance(suite: dict[str, Any]) -> list[str]:
    """Both tests with both their levels: the suite falls by both, or it does not."""
    tests = [("exact", suite["p_value"], suite["ceiling"]), ("mid-p", suite["mid_p_value"], suite["level"])]
    told = ", and ".join(f"{name} {apart(p, level)}, which is {_side(p, level)}" for name, p, level in tests)
    blocks = all(p <= level for _, p, level in tests)
    who = "The sum of passes" if suite.get("shapes") else "The suite"
    end = f"{who} blocks where both are at most that." if blocks else f"{who} would block only where both are at most that."
    return [f"A fall as deep, if nothing changed, has these chances: {told}.", end, *told_shapes(suite)]


def _side(p: float, level: float) -> str:
    return f"{'at most' if p <= level else 'above'} {level:.3g}"


def _of(counts: Sequence[int]) -> str:
    return f"{counts[0]} of {counts[1]}"


def _rate(counts: Sequence[int]) -> str:
    share = percent(counts[0] / counts[1]) if counts[1] else "no trials"
    return f"{counts[0]} of {counted(counts[1], 'trial')} passed ({share})"


def _p(regression: Regression) -> str:
    at = " at the margin" if regression.level in MARGINS else ""
    return "one failure is proof" if regression.p_value is None else f"{regression.p_value:.2g}{at}"


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    cells = [[printable(str(cell)) for cell in row] for row in rows[:SHOWN]]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    lines = [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [list(columns), *cells]
    ]
    more = [f"  and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    return [title, *lines, *more]
