"""A decision as Markdown: a comment on a pull request, or the summary of a CI step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from loopwright.gate.decision import MARGINS, ComparedRun, GateDecision, Outcome, Regression
from loopwright.gate.judged_told import told_judged
from loopwright.gate.margin_words import COLUMNS, margin_lines, sides
from loopwright.gate.margin_words import title as of_margins
from loopwright.gate.override import rate_beside
from loopwright.gate.shape_words import told_shapes
from loopwright.gate.spending import told_cost, told_spending
from loopwright.surfaces.reports.gate_text import clipped, overridden
from loopwright.wording import counted, percent

COMMENT = 65_536
"""GitHub's limit of a comment, in characters; it is kept in bytes, which are never fewer."""
SUMMARY = 1_048_576
"""GitHub's limit of one step's summary, in bytes."""
ROWS = 50
"""So many rows of a table are shown where there is room."""
WIDTH = 300
SENTENCE = 2000

_MARKUP = re.compile(r"""[&<>`*\[\]!\\|~#@$^{}]|:(?=\S)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=www)\.|(?<=WWW)\.""")
_PINGS = re.compile("&#(?:64|35);(?=[A-Za-z0-9])")
_NO_WIDTH = chr(0x200B)
_Block = list[str]


def gate_markdown(decision: GateDecision, limit: int = COMMENT) -> str:
    """The decision in at most `limit` bytes of UTF-8: the verdict, then tables, shorter ones where there is no room for more.

    Each table says how many rows are left out. Production text is shown as it is: as no markup, mention or link.
    """
    most = ROWS
    while True:
        text = _render(decision, most)
        if len(text.encode()) <= limit:
            return text
        if most == 0:
            break
        most //= 2
    verdict = f"{_title(decision)}\n\n{_prose(decision.message)}\n\nThe rest is too long to be shown here.\n"
    return verdict if len(verdict.encode()) <= limit else ""


def _render(decision: GateDecision, most: int) -> str:
    blocks: list[_Block] = [
        [_title(decision)],
        [_prose(decision.message)],
        [f"**{_prose(overridden(decision.override))}**"] if decision.override is not None else [],
        _items("Also", decision.reasons[1 if decision.decision is Outcome.UNDECIDED else 0 :], most),
        _regressions(decision, most),
        _fell(decision, most),
        _suspects(decision, most),
        _margins(decision, most),
        _next(decision, most),
        _items("To know", decision.notes, most),
        *_lists(decision, most),
        _items("Judged cases", told_judged(decision), most),
        _figures(decision),
        _compared(decision),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _title(decision: GateDecision) -> str:
    outcome = decision.decision.value if decision.decision is not None else ""
    return f"## Gate: {outcome}{', and overridden' if decision.override is not None else ''}"


def _regressions(decision: GateDecision, most: int) -> _Block:
    rows = [
        (r.level, _code(r.mode_id or "" if r.level == "mode" else r.eval_id or "all cases"), *sides(r, decision), _p(r))
        for r in decision.regressions
        if isinstance(r, Regression)
    ]
    return _table("What regressed", ("level", "what", "before", "after", "chance if unchanged"), rows, most)


def _p(regression: Regression) -> str:
    at = " at the margin" if regression.level in MARGINS else ""
    return "one failure is proof" if regression.p_value is None else f"{regression.p_value:.2g}{at}"


def _fell(decision: GateDecision, most: int) -> _Block:
    """Where many cases together are the proof, the cases that it was made of."""
    if not any(isinstance(r, Regression) and r.level in ("suite", "mode") for r in decision.regressions):
        return []
    rows = [(_code(f["eval_id"]), _of(f["before"]), _of(f["after"])) for f in decision.statistics.get("fell") or ()]
    return _table("Cases that passed less often (each alone may be noise)", ("case", "before", "after"), rows, most)


def _suspects(decision: GateDecision, most: int) -> _Block:
    cases = decision.statistics.get("cases") or {}
    rows = [(_code(s["eval_id"]), _of(s["before"]), _of(s["after"]), f"{s['p_value']:.2g}") for s in cases.get("suspects") or ()]
    columns = ("case", "before", "after", "chance if unchanged")
    return _table("Solved cases that failed, and may be lost", columns, rows, most)


def _margins(decision: GateDecision, most: int) -> _Block:
    lines = margin_lines(decision)
    return _table(of_margins(decision), COLUMNS, lines, max(most, len(lines))) if lines else []


def _next(decision: GateDecision, most: int) -> _Block:
    if not decision.next:
        return []
    what = "What would decide" if decision.decision is Outcome.UNDECIDED else "What would tell noise from loss"
    total = sum(r.trials for r in decision.next)
    cost = told_cost(decision.statistics.get("spent"))
    table = _table(f"{what}: {counted(total, 'more trial')}{cost}", ("case", "trials"), _requests(decision), most)
    commands = [clipped(command, SENTENCE) for command in decision.commands]
    short = [command for command in commands[:most] if command in decision.commands]
    if not short:
        return table
    fence = "`" * max(3, 1 + max(len(run) for command in short for run in re.findall("`*", command)))
    more = [f"and {counted(len(commands) - len(short), 'more command')}"] if len(commands) > len(short) else []
    return [*table, "", f"{fence}bash", *short, fence, *more]


def _requests(decision: GateDecision) -> list[tuple[str, str]]:
    return [(_code(r.eval_id), str(r.trials)) for r in decision.next]


def _lists(decision: GateDecision, most: int) -> list[_Block]:
    told: list[tuple[str, Sequence[str]]] = [("Fixed", decision.fixed), ("Flaky", decision.flaky), ("Missing", decision.missing)]
    told += [(name, decision.statistics.get(key) or ()) for name, key in _OTHERS.items()]
    return [
        [f"<details><summary>{name}: {counted(len(ids), 'case')}</summary>", "", _named(ids, most), "", "</details>"]
        for name, ids in told
        if ids
    ]


_OTHERS = {"New, not compared": "new", "Changed, not compared": "changed"}


def _named(ids: Sequence[str], most: int) -> str:
    more = [f"and {len(ids) - most:,} more"] if len(ids) > most else []
    return ", ".join([*map(_code, ids[:most]), *more])


def _figures(decision: GateDecision) -> _Block:
    suite = decision.statistics.get("suite")
    if not suite:
        return []
    drop, power = decision.statistics["min_detectable_drop"], percent(decision.statistics["power"], None)
    sight = f"a drop of {100 * drop:.1f} points or more would have been found {power} of the time"
    tested = [
        f"{suite['before'][0]} of {counted(suite['before'][1], 'trial')} passed before and {_of(suite['after'])} now",
        f"exact p {suite['p_value']:.3g} (the suite blocks at {suite['ceiling']:.3g})",
        f"mid-p {suite['mid_p_value']:.3g} (at {suite['level']:.3g})",
        *(f"{line[0].lower()}{line[1:].removesuffix('.')}" for line in told_shapes(suite)),
        sight if drop is not None else "no drop, however large, could have been relied on to be found",
        f"an unchanged agent is blocked at most {percent(decision.statistics['alpha'], None)} of the time",
    ]
    return [f"{'; '.join(tested)}.", *(line for told in told_spending(decision.statistics.get("spent")) for line in ("", told))]


def _compared(decision: GateDecision) -> _Block:
    sides = [f"candidate {_run(decision.candidate)}"] if decision.candidate is not None else []
    if decision.baseline:
        more = f" and {len(decision.baseline) - 1} more" if len(decision.baseline) > 1 else ""
        sides.append(f"baseline {_run(decision.baseline[-1])}{more}")
    recorded = [f"recorded as {_code(decision.decision_id)}"] if decision.decision_id is not None else []
    told = [f"{'; '.join([*sides, *recorded])}."] if sides or recorded else []
    rate = rate_beside(decision)
    told += [rate] if rate else []
    return [f"<sub>{' '.join(told)}</sub>"] if told else []


def _run(run: ComparedRun) -> str:
    name = " in ".join(_code(part) for part in (run.run_id, run.source) if part) or "one run"
    return name + (f" (version {_code(run.version)})" if run.version else "")


def _items(title: str, told: Sequence[str], most: int) -> _Block:
    if not told:
        return []
    more = [f"- and {len(told) - most:,} more"] if len(told) > most else []
    return [f"**{title}**", "", *(f"- {_prose(line)}" for line in told[:most]), *more]


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> _Block:
    if not rows:
        return []
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, ["---"] * len(columns), *rows[:most])]
    more = ["", f"and {len(rows) - most:,} more"] if len(rows) > most else []
    return [f"**{title}**", "", *lines, *more]


def _of(counts: Sequence[Any]) -> str:
    return f"{counts[0]} of {counts[1]}"


def _code(text: str) -> str:
    """Production text as code, in which nobody is mentioned and nothing is a link."""
    return f"<code>{_plain(clipped(text, WIDTH))}</code>"


def _prose(text: str) -> str:
    """A sentence with production text in it. After @ and # stands a space of no width, so that they call nobody and no issue."""
    return _PINGS.sub(r"\g<0>" + _NO_WIDTH, _plain(clipped(text, SENTENCE)))


def _plain(text: str) -> str:
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)
