"""Decisions for the reports of the gate, hostile ones among them."""

from __future__ import annotations

from builders import result
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision

HOSTILE = [
    "::error file=x::boo",
    "a|b`c`<img src=x onerror=alert(1)>@team #12 www.example.com http://x.example\\|",
    "line\nbreak\r\n::stop-commands::x",
    "x" * 5000,
    "_em_ **b** ##[error]x [link](http://x.example)",
    "\x1b[31mred\u202e\x00",
    "100%25 of: a, b",
    "</code></details><script>alert(1)</script>",
]


def blocked(ids: list[str] | None = None) -> GateDecision:
    """The suite and a mode fell: twelve of twenty-eight cases fail now."""
    names = [*(HOSTILE if ids is None else ids), *(f"case-{i}" for i in range(20))]
    before = [result(n, True, t, mode_id="m|1" if i < 9 else None) for i, n in enumerate(names) for t in range(3)]
    after = [result(n, i > 11, t, mode_id="m|1" if i < 9 else None) for i, n in enumerate(names) for t in range(3)]
    return decide(before, after)


def lost(eval_id: str = "case-0") -> GateDecision:
    """One case, declared deterministic, fails now."""
    names = [eval_id, *(f"case-{i}" for i in range(1, 20))]
    return decide([result(n, deterministic=True) for n in names], [result(n, n != eval_id, deterministic=True) for n in names])


def undecided() -> GateDecision:
    """One solved case failed, and a repeat would tell; another case is new."""
    before = [result(f"case-{i}", True, run_id=f"r{r}") for i in range(30) for r in range(6)]
    return decide(before, [*(result(f"case-{i}", i > 0) for i in range(30)), result("fresh")])


def approved() -> GateDecision:
    """Nothing changed."""
    rows = [result(f"case-{i}", True, t) for i in range(30) for t in range(2)]
    return decide(rows, rows)
