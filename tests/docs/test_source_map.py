"""The map of the source: no row is empty, its commands are there, its tests exist, and what it must name is named."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import loopwright
from loopwright.improve.proposal import ProposalKind
from loopwright.surfaces.cli.main import VERBS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "source-map.md"
HEAD = ["the source says", "command", "test"]


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row != HEAD and set("".join(row)) != {"-"}]


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: re.sub(r"\W+", "-", row[0])[:60])
def test_a_statement_has_a_command_and_a_test(row: list[str]) -> None:
    said, command, test = row
    assert said
    found = re.fullmatch(r"`loopwright(?: ([a-z]+)(?: [a-z]+)?|\.(\w+))`", command)
    assert found, command
    assert found[1] in VERBS if found[1] else found[2] in dir(loopwright)
    file, _, name = test.partition("::")
    assert (ROOT / file).is_file(), test
    assert name in functions(ROOT / file), test


def test_every_row_of_the_sources_tables_is_named() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for part in range(1, 10):
        assert f"## Part {part}:" in text
    signals = (
        "Hard errors",
        "User corrections",
        "Implicit dissatisfaction",
        "Latent quality issues",
        "Business metric divergence",
    )
    layers, drifts = (
        ("Layer 1", "Layer 2", "Layer 3"),
        ("Distributional shift", "Edge case accumulation", "Regression from improvement"),
    )
    stages = tuple(f"Stage {number}" for number in range(1, 6))
    assert all(named in text for named in (*signals, *layers, *drifts, *stages))
    part_7 = text.partition("## Part 7")[2].partition("## Part 8")[0]
    assert part_7.count("→ add ") == len(ProposalKind)


def test_every_page_of_the_tables_has_three_cells() -> None:
    assert {len(row) for row in rows()} == {3}
