"""The suite's tests for falls of certain shapes, in words."""

from __future__ import annotations

from typing import Any

SHAPES = {
    "relative": "A fall by the same share of every case, where what nearly always passed counts more",
    "lost": "A fall by cases that pass no more",
}
_SCORES = {
    "relative": "each pass now scores -(a + b + n - 1) / (b + n - s - 1)",
    "lost": "a case without a pass now scores log(1 + (.1 / .9) / P(none of its trials now | its s passes were all before)), "
    "and any other 0",
}


def told_shapes(suite: dict[str, Any]) -> list[str]:
    """A line for each shape, of the suite's figures in a decision's `statistics`."""
    lines = []
    for shape in suite.get("shapes", ()):
        p, level = shape["p_value"], shape["level"]
        end = ""
        if p <= level:
            end = "; it blocks" if shape["net"] else "; all passes together hardly fell, so that it does not count"
        side = "at most" if p <= level else "above"
        lines.append(f"{SHAPES[shape['shape']]}: chance {apart(p, level)}, which is {side} {level:.3g}{end}.")
    return lines


def told_scores(suite: dict[str, Any], a: float, b: float) -> list[str]:
    """The same with how each is computed; Beta(a, b) is what was fitted to the pass rates of both sides together."""
    if not suite.get("shapes"):
        return []
    lines = [
        "Two more tests add a score for each case instead of its passes, over the same chances. With n planned trials of a case "
        f"on both sides, s of them passed, and pass rates spread as Beta({a:.3g}, {b:.3g}), fitted to both sides together:"
    ]
    return [*lines, *(f"  {shape['shape']}: {_SCORES[shape['shape']]}." for shape in suite["shapes"]), *told_shapes(suite)]


def apart(p: float, level: float) -> str:
    """A number with as many digits as it takes to see on which side of the level it is."""
    return next((text for digits in range(2, 12) if float(text := f"{p:.{digits}g}") != level), f"{p:.12g}")
