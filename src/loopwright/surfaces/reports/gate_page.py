"""A decision as one self-contained HTML page: what was decided, before and after per mode and case as a plot, and why."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from loopwright.collect.intake import printable
from loopwright.gate.counts import counted_cases
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.gate.margin_words import MarginLine, margin_lines, rows
from loopwright.gate.override import rate_beside
from loopwright.gate.spending import told_spending
from loopwright.gate.standing import State, standings
from loopwright.gate.why import why
from loopwright.surfaces.reports.gate_text import clipped, overridden
from loopwright.surfaces.reports.templating import csp_hash, environment, source
from loopwright.wording import percent

DRAWN = 100
"""So many cases are drawn, those that fell most first."""
NAME = 60
WIDEST = 5.0
"""The axis of what a trial takes goes no further than so many times."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the plot: what it is of, (passed, trials) before and after, and its state where it is a case."""

    name: str
    before: tuple[int, int]
    after: tuple[int, int]
    state: str = ""

    @property
    def was(self) -> float | None:
        """Where the mark of before stands, in percent; None without trials."""
        return 100 * self.before[0] / self.before[1] if self.before[1] else None

    @property
    def now(self) -> float | None:
        """Where the mark of now stands, in percent; None without trials."""
        return 100 * self.after[0] / self.after[1] if self.after[1] else None

    @property
    def fall(self) -> float:
        """How many points lower it is now; a case without trials fell from all that it had."""
        return (self.was or 0.0) - (self.now or 0.0)


@dataclass(frozen=True, slots=True)
class MarginRow:
    """One metric of the plot of what a trial takes; places in percent of an axis that begins at 0 times. None: not drawn."""

    line: MarginLine
    exceeded: bool
    widest: float
    same: float
    allowed: float | None = None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None


def gate_page(decision: GateDecision) -> str:
    """The page. All text of the decision is escaped; at most `DRAWN` cases are drawn, and how many are not is said."""
    style = source("report.css") + source("gate.css")
    cases = sorted(_cases(decision), key=lambda row: (-row.fall, row.state == "", row.name))
    moved = [row for row in cases if row.was != row.now or row.state]
    word = decision.decision.value if decision.decision is not None else Outcome.UNDECIDED.value
    return (
        environment()
        .get_template("gate.html.j2")
        .render(
            style=Markup(style),  # noqa: S704 - our own file
            style_hash=csp_hash(style),
            word=word,
            message=clipped(decision.message.partition(": ")[2] or decision.message, 2000),
            override=overridden(decision.override) if decision.override is not None else "",
            notes=[clipped(note, 2000) for note in (*decision.reasons, *decision.notes)],
            groups=_groups(decision),
            margins=_margins(decision),
            confidence=percent(1 - 2 * decision.statistics.get("alpha", 0.0), None),
            cases=moved[:DRAWN],
            left=len(moved) - DRAWN,
            same=len(cases) - len(moved),
            why=why(decision),
            decision_id=decision.decision_id or "",
            overrides=rate_beside(decision),
            spent=" ".join(told_spending(decision.statistics.get("spent"))),
        )
    )


def _groups(decision: GateDecision) -> list[Row]:
    """The suite, and each mode that was tested, on planned trials."""
    suite = decision.statistics.get("suite")
    if not suite:
        return []
    lost = {r.mode_id if r.level == "mode" else r.level for r in decision.regressions if isinstance(r, Regression)}
    rows = [("Suite", suite, "suite")]
    rows += [(clipped(m["mode_id"], NAME), m, m["mode_id"]) for m in decision.statistics["modes"]["tested"]]
    return [Row(n, tuple(m["before"]), tuple(m["after"]), "lost" if key in lost else "") for n, m, key in rows]


def _margins(decision: GateDecision) -> list[MarginRow]:
    """What a trial takes, on one axis for all metrics, up to twice as much or as far as is needed."""
    held = list(zip(rows(decision), margin_lines(decision), strict=True))
    ends = [value for row, _ in held for value in (1 + (row["margin"] or 0), row["ratio"], row["high"]) if value is not None]
    widest = min(WIDEST, max([2.0, *(1.05 * end for end in ends)]))

    def place(value: float | None) -> float | None:
        return None if value is None else min(100.0, 100 * value / widest)

    return [
        MarginRow(
            line,
            row["verdict"] == "above",
            widest,
            100 / widest,
            place(1 + row["margin"]) if row["margin"] else None,
            place(row["low"]),
            100.0 if row["low"] is not None and row["high"] is None else place(row["high"]),
            place(row["ratio"]),
        )
        for row, line in held
    ]


def _cases(decision: GateDecision) -> list[Row]:
    known = {case.eval_id for case in counted_cases(decision.statistics.get("counts") or ())}
    return [
        Row(clipped(printable(s.eval_id), NAME), s.before, s.after, "" if s.state is State.HELD else s.state.value)
        for s in standings(decision)
        if s.eval_id in known
    ]
