"""The page on signals says what the code does."""

from __future__ import annotations

from pathlib import Path

from loopwright.mine.detectors import SHIPPED
from loopwright.mine.policy import POLICIES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "signals.md").read_text(encoding="utf-8")


def test_every_detector_has_a_heading_and_every_such_heading_a_detector():
    headings = [line.removeprefix("### ") for line in PAGE.splitlines() if line.startswith("### ")]
    assert headings == [d.name for d in SHIPPED]


def test_the_table_is_that_of_the_code():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{p.type.value}` | {p.source} | {p.reliability}: {p.why} | {p.weight} | {p.surfaces} | {p.handling} |"
        for p in POLICIES
    ]
