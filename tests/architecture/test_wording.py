"""Counted nouns and percentages are written by `loopwright.wording`, and not by hand: no "1 traces", no "24%" beside "24 %"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from loopwright.wording import counted, percent

SOURCE = Path(__file__).parents[2] / "src" / "loopwright"
FOR_MODELS = ("narrating.py", "transcript.py")
"""What a language model reads is not reworded for a person's sake."""

MODULES = sorted(
    file
    for file in SOURCE.rglob("*.py")
    if file.name not in ("wording.py", *FOR_MODELS) and not {"examples", "guards", "stats"} & set(file.parts)
)
NOUN = re.compile(
    r"[ \u00a0](?:(?!and |from |has |holds |its |keeps |of |the |these )\w+ ){0,2}?"
    r"(agents|calls|cases|changes|characters|columns|conversations|criteria|draft files|drafts|entries|"
    r"evals|events|failures|files|findings|gaps|groups|guards|inputs|instructions|items|labels|layers|lines|messages|modes|one-offs|"
    r"proposals|records|regressions|releases|results|rows|segments|sessions|spans|texts|tools|traces|trials|values|"
    r"verdicts|versions|weeks|words)\b"
)


def figures(text: str) -> Iterator[tuple[int, str]]:
    """Places in f-strings where a figure stands before a plural noun or a percent sign."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, [*node.values[1:], ast.Constant("")], strict=True):
            if not isinstance(value, ast.FormattedValue):
                continue
            form = ast.unparse(value.format_spec)[2:-1] if value.format_spec else ""
            following = after.value if isinstance(after, ast.Constant) else ""
            noun = NOUN.match(following)
            if form.endswith("%") and "Y" not in form:
                yield node.lineno, f"a percentage: {form}"
            elif re.match(r"[ \u00a0]?%", following):
                yield node.lineno, "a percentage by hand"
            elif noun and not _is_constant(value.value):
                yield node.lineno, f"a counted noun: {noun[0].strip()}"


def _is_constant(value: ast.expr) -> bool:
    """Whether something stands there of which it is known that it is not 1: a constant, a policy, a figure with its noun."""
    name = ast.unparse(value.func if isinstance(value, ast.Call) else value).split(".")[-1]
    return name.isupper() or name in ("counted", "join", "max_length", "repeat_cap", "per_session")


def test_a_figure_by_hand_is_found() -> None:
    assert [what for _, what in figures('f"{n} traces"; f"{share:.0%}"; f"{100 * x:.1f} %"; f"{n:,} draft cases"')] == [
        "a counted noun: traces", "a percentage: .0%", "a percentage by hand", "a counted noun: draft cases",
    ]  # fmt: skip
    assert not list(figures("f\"{counted(n, 'trace')} {at:%Y-%m-%d} {name} of the traces\""))


def test_figures_are_written_one_way() -> None:
    by_hand = [
        f"{module.relative_to(SOURCE)}:{line}: {what}"
        for module in MODULES
        for line, what in figures(module.read_text(encoding="utf-8"))
    ]
    assert by_hand == []


def test_one_is_one_and_thousands_are_parted() -> None:
    assert [counted(n, "trace") for n in (0, 1, 2, 1234)] == ["0 traces", "1 trace", "2 traces", "1,234 traces"]
    assert counted(2, "entry", "entries") == "2 entries"
    assert counted(1, "draft case") == "1 draft case"


def test_percentages() -> None:
    assert [percent(share) for share in (0, 0.0004, 0.123, 0.24, 1)] == ["0 %", "0.0 %", "12.3 %", "24.0 %", "100 %"]
    assert [percent(share, None) for share in (0.05, 0.025, 0.99, 1)] == ["5 %", "2.5 %", "99 %", "100 %"]
