"""The gate's stated error rate against the realised one, on agents that did not change: the whole gate, by simulation.

    python bench/gate_calibration.py [--rounds N] [--only PART ...] [--plot FILE.svg]

Suites of 10 to 5,000 cases; pass rates of several shapes; trials and history of several designs; and what trials may share:
the luck of a whole run, of a failure mode within a run, of a case within a run. Each is a normal shift of the logit of the pass
rates, drawn anew for every run; its standard deviation is given, and for a whole run what that is in points of the suite's pass
rate. Where the history is one run, nothing tells its luck from a change: the gate says so, and no rate is stated; `one-run` shows
what follows. `sequential` runs the repeats that the gate asks for until it decides; the others look once.

Each line has the realised rate of false blocks with its exact 95 % interval. A line is marked where the interval lies above the
stated rate. Of many lines a few would be so by chance: the last line of each part says how many, and how many chance allows.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import binom

from gate_simulation import REAL, SHAPES
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import CaseRequest, GateDecision, Outcome
from loopwright.gate.policy import Policy
from loopwright.gate.simulate import until_decided
from loopwright.stats.intervals import clopper_pearson

Rng = np.random.Generator
Floats = NDArray[np.float64]
SIZES = (10, 30, 100, 300, 1000, 5000)
IN_MODE = 10
WEIGHT = {10: 2.0, 30: 2.0, 100: 2.0, 300: 1.0, 1000: 0.5, 5000: 0.15}
"""Rounds of a size, as a share of --rounds: large suites take longer."""
NOTHING = "nothing"
FLAKY = 0.3
"""This share of the cases of a flaky suite passes half of the time; the others always or never."""


@dataclass(frozen=True)
class Design:
    """So many runs of so many trials of each case are the history, and one run of so many the candidate."""

    name: str
    runs: int
    per_run: int
    trials: int


ONE, HALVES, FIVES, TWENTY, THREES = (
    Design("5x1 v 1", 5, 1, 1),
    Design("3 v 2", 1, 3, 2),
    Design("5 v 5", 1, 5, 5),
    Design("20x1 v 1", 20, 1, 1),
    Design("5x3 v 3", 5, 3, 3),
)


@dataclass(frozen=True)
class Cell:
    """One line: a suite, a design, and the standard deviations of what runs, modes within runs and cases within runs share."""

    cases: int
    shape: str
    design: Design
    run: float = 0.0
    mode: float = 0.0
    case: float = 0.0
    sequential: bool = False

    @property
    def stated(self) -> bool:
        """Whether the gate's rate is stated for such runs."""
        return self.design.runs > 1 or self.shared == NOTHING

    @property
    def shared(self) -> str:
        """What trials share, in words."""
        named = {"run": self.run, "mode": self.mode, "case": self.case}
        return ", ".join(f"{name} {size:g}" for name, size in named.items() if size) or NOTHING


@dataclass
class Realised:
    """What a line's rounds came to; `spread` collects the suite's true pass rates by run, in points."""

    cell: Cell
    outcomes: Counter[Outcome | None]
    levels: Counter[str]
    trials: float = 0.0
    spread: float = 0.0

    @property
    def rounds(self) -> int:
        """How many were played."""
        return self.outcomes.total()

    @property
    def blocked(self) -> int:
        """In how many the gate blocked."""
        return self.outcomes[Outcome.BLOCKED]


def independent() -> Iterator[Cell]:
    """Trials share nothing."""
    for design in (ONE, HALVES, FIVES):
        for shape in (*SHAPES, "real", "flaky"):
            for cases in SIZES:
                yield Cell(cases, shape, design)


def sequential() -> Iterator[Cell]:
    """One trial of each case, then repeats until it is decided."""
    for shape in (*SHAPES, "real", "flaky"):
        for cases in (10, 30, 100, 300, 1000):
            yield Cell(cases, shape, ONE, sequential=True)
    for size in (0.25, 0.5, 1.0):
        yield Cell(100, "real", ONE, mode=size, sequential=True)
        yield Cell(100, "real", ONE, case=size, sequential=True)
        yield Cell(100, "real", ONE, run=size, sequential=True)
    for cases in (30, 300):
        yield Cell(cases, "real", ONE, mode=1.0, sequential=True)


def correlated() -> Iterator[Cell]:
    """Cases of a mode, or trials of a case, share the luck of their run."""
    for design in (ONE, THREES, TWENTY):
        for cases in (100, 1000):
            for size in (0.25, 0.5, 1.0):
                yield Cell(cases, "real", design, mode=size)
                yield Cell(cases, "real", design, case=size)


def run_effects() -> Iterator[Cell]:
    """A whole run shares its luck."""
    for design in (ONE, THREES, TWENTY):
        for cases in (100, 1000, 5000):
            for size in (0.05, 0.1, 0.2, 0.4):
                yield Cell(cases, "real", design, run=size)


def one_run() -> Iterator[Cell]:
    """The same where the history is one run, whose luck cannot be told from a change: what it costs, and no rate is stated."""
    for design in (HALVES, FIVES):
        for cases in (100, 1000):
            for size in (0.1, 0.25, 0.5):
                yield Cell(cases, "real", design, run=size)
                yield Cell(cases, "real", design, mode=size)
                yield Cell(cases, "real", design, case=size)


PARTS: dict[str, Callable[[], Iterator[Cell]]] = {
    "independent": independent,
    "sequential": sequential,
    "correlated": correlated,
    "run-effects": run_effects,
    "one-run": one_run,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="not read")
    parser.add_argument(
        "--rounds", type=int, default=40, help="of a suite of 300 cases; smaller ones get more, larger ones fewer"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--plot", type=Path, help="draw the realised rates into this SVG file")
    args = parser.parse_args()
    found: dict[str, list[Realised]] = {}
    for part in args.only:
        found[part] = measured(part, args.rounds)
    if args.plot is not None:
        args.plot.write_text(plot(found), encoding="utf-8")


def measured(part: str, rounds: int) -> list[Realised]:
    """Play one part, and print its lines as they are done."""
    print(f"\n{part}: {PARTS[part].__doc__}")
    print(
        f"{'pass rates':<11}{'cases':>6}{'trials':>10}  {'shared':<12}{'points':>7}{'rounds':>8}{'approved':>10}{'undecided':>11}"
        f"{'blocked':>9}{'interval':>14}{'by':>16}{'trials/case':>13}"
    )
    begun, lines = time.monotonic(), []
    for number, cell in enumerate(PARTS[part]()):
        rng = np.random.default_rng([number, len(part)])
        lines.append(play(rng, cell, max(8, round(rounds * WEIGHT[cell.cases]))))
        print(line(lines[-1]), flush=True)
    print(summary(lines), f"({time.monotonic() - begun:.0f} s)")
    return lines


def play(rng: Rng, cell: Cell, rounds: int) -> Realised:
    """So many rounds of one line."""
    table = Rows(cell)
    done = Realised(cell, Counter(), Counter())
    for _ in range(rounds):
        rates = pass_rates(rng, cell)
        history = [shifted(rng, rates, cell) for _ in range(cell.design.runs)]
        now = shifted(rng, rates, cell)
        done.spread += 100 * float(np.std([run.mean() for run in (*history, now)], ddof=1)) / rounds
        before = [row for number, run in enumerate(history) for row in table.draw(rng, run, number, cell.design.per_run)]
        after = table.draw(rng, now, cell.design.runs, cell.design.trials)
        decision, used = _decided(rng, table, cell, now, before, after)
        done.outcomes[decision.decision] += 1
        done.levels.update({r.level for r in decision.regressions if hasattr(r, "level")})
        done.trials += used / cell.cases / rounds
    return done


def _decided(
    rng: Rng, table: Rows, cell: Cell, now: Floats, before: list[EvalResult], after: list[EvalResult]
) -> tuple[GateDecision, int]:
    if not cell.sequential:
        return decide(before, after), len(after)
    ran = len(after)

    def run(request: CaseRequest) -> list[EvalResult]:
        nonlocal ran
        case = int(request.eval_id.removeprefix("case-"))
        ran += request.trials
        return [
            table.row(case, cell.design.runs, ran - i, bool(rng.random() < now[case]), request.repeat)
            for i in range(request.trials)
        ]

    decision, rows = until_decided(before, after, run)
    return decision, len(rows)


class Rows:
    """Rows of one line, made once: a round picks those that passed or failed."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._made: dict[tuple[int, int], tuple[list[EvalResult], list[EvalResult]]] = {}

    def draw(self, rng: Rng, rates: Floats, run: int, trials: int) -> list[EvalResult]:
        """So many trials of each case in one run."""
        rows = []
        for trial in range(trials):
            made = self._made.get((run, trial))
            if made is None:
                cases = range(self._cell.cases)
                failed, passed_ = ([self.row(i, run, trial, passed) for i in cases] for passed in (False, True))
                made = (failed, passed_)
                self._made[run, trial] = made
            rows += [made[int(passed)][i] for i, passed in enumerate((rng.random(len(rates)) < rates).tolist())]
        return rows

    def row(self, case: int, run: int, trial: int, passed: bool, repeat: bool = False) -> EvalResult:
        """One trial."""
        mode = f"mode-{case // IN_MODE}" if self._cell.cases > IN_MODE else None
        return EvalResult(f"case-{case}", passed, run_id=f"run-{run}", trial=trial, mode_id=mode, repeat=repeat)


def pass_rates(rng: Rng, cell: Cell) -> Floats:
    """The true pass rates of a suite's cases, before anything is shared."""
    if cell.shape == "flaky":
        return np.where(rng.random(cell.cases) < FLAKY, 0.5, rng.integers(0, 2, cell.cases)).astype(float)
    if cell.shape == "real":
        a, b = REAL[int(rng.integers(len(REAL)))]
        return rng.beta(a, b, cell.cases)
    return rng.beta(*SHAPES[cell.shape], cell.cases)


def shifted(rng: Rng, rates: Floats, cell: Cell) -> Floats:
    """The pass rates of one run."""
    if not (cell.run or cell.mode or cell.case):
        return rates
    modes = -(-cell.cases // IN_MODE)
    shift = cell.run * rng.standard_normal() + cell.case * rng.standard_normal(cell.cases)
    shift = shift + cell.mode * np.repeat(rng.standard_normal(modes), IN_MODE)[: cell.cases]
    return expit(logit(np.clip(rates, 1e-9, 1 - 1e-9)) + shift)


def line(done: Realised) -> str:
    """One line of the table."""
    cell, n = done.cell, done.rounds
    low, high = clopper_pearson(done.blocked, n)
    share = [100 * done.outcomes[outcome] / n for outcome in (Outcome.APPROVED, Outcome.UNDECIDED, Outcome.BLOCKED)]
    by = " ".join(f"{level} {count}" for level, count in done.levels.items())
    above = " above" if low > Policy().alpha and cell.stated else ""
    return (
        f"{cell.shape:<11}{cell.cases:>6}{cell.design.name:>10}  {cell.shared:<12}{done.spread:>7.2f}{n:>8}{share[0]:>10.1f}"
        f"{share[1]:>11.1f}{share[2]:>9.1f}{f'{100 * low:.1f}-{100 * high:.1f}':>14}{by:>16}{done.trials:>13.2f}{above}"
    )


def summary(lines: Sequence[Realised]) -> str:
    """The rate over all lines for which one is stated, and how many of them lie above it."""
    lines = [done for done in lines if done.cell.stated]
    if not lines:
        return "no rate is stated for these lines"
    blocked, rounds, alpha = sum(done.blocked for done in lines), sum(done.rounds for done in lines), Policy().alpha
    above = sum(clopper_pearson(done.blocked, done.rounds).low > alpha for done in lines)
    chance = sum(_chance_above(done.rounds, alpha) for done in lines)
    low, high = clopper_pearson(blocked, rounds)
    return (
        f"all: blocked {blocked} of {rounds}, {100 * blocked / rounds:.2f} % ({100 * low:.2f}-{100 * high:.2f}), stated at most "
        f"{100 * alpha:g} %; {above} of {len(lines)} lines above it, and {chance:.1f} expected if each had exactly that rate"
    )


def _chance_above(rounds: int, alpha: float) -> float:
    least = next(k for k in range(rounds + 1) if k == rounds or clopper_pearson(k, rounds).low > alpha)
    return float(binom.sf(least - 1, rounds, alpha))


WIDTH, HEIGHT, LEFT, TOP = 1100, 300, 70, 40


def plot(found: dict[str, list[Realised]]) -> str:
    """The realised rate of every line with its interval, a panel a part, against the stated rate."""
    panels = [_panel(part, lines, index) for index, (part, lines) in enumerate(found.items())]
    height = TOP + len(panels) * HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="24" font-size="15">False blocks of an unchanged agent: realised, with exact 95 % intervals; '
        f"the line is the stated rate, grey where none is</text>{''.join(panels)}</svg>\n"
    )


def _panel(part: str, lines: Sequence[Realised], index: int) -> str:
    top, room, most = TOP + index * HEIGHT + 30, HEIGHT - 80, 0.4
    stated = top + room * (1 - Policy().alpha / most)
    marks = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{part}</text>']
    for share in (0.0, 0.1, 0.2, 0.3, 0.4):
        y = top + room * (1 - share / most)
        marks.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        marks.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{100 * share:.0f} %</text>')
    step = (WIDTH - LEFT - 30) / max(1, len(lines))
    groups: dict[str, list[float]] = {}
    for i, done in enumerate(lines):
        x = LEFT + step * (i + 0.5)
        low, high = clopper_pearson(done.blocked, done.rounds)
        y, y0, y1 = (top + room * (1 - min(v, most) / most) for v in (done.blocked / done.rounds, low, high))
        colour = "#888" if not done.cell.stated else "#c0392b" if low > Policy().alpha else "#2c5f8a"
        told = line(done)
        marks.append(
            f'<g stroke="{colour}" fill="{colour}"><title>{told}</title>'
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y0:.1f}" y2="{y1:.1f}" stroke-opacity="0.45"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></g>'
        )
        key = done.cell.design.name if part != "sequential" else done.cell.shape
        groups.setdefault(key, []).append(x)
    for name, xs in groups.items():
        middle = (min(xs) + max(xs)) / 2
        marks.append(f'<text x="{middle:.1f}" y="{top + room + 18}" text-anchor="middle" fill="#555">{name}</text>')
        marks.append(
            f'<line x1="{max(xs) + step / 2:.1f}" x2="{max(xs) + step / 2:.1f}" y1="{top}" y2="{top + room}" stroke="#e4e4e4"/>'
        )
    marks.append(
        f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{stated:.1f}" y2="{stated:.1f}" stroke="#222" stroke-dasharray="5 4"/>'
    )
    marks.append(f'<text x="{WIDTH - 22}" y="{top - 8}" text-anchor="end">dashed: stated, {100 * Policy().alpha:g} %</text>')
    return "".join(marks)


if __name__ == "__main__":
    main()
