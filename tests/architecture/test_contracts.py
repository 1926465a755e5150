"""The architecture is a test: the import contracts hold, and a planted violation of each of them fails the build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


class Planted(NamedTuple):
    """A line planted in a module, and the contract that must break."""

    module: str
    line: str
    contract: str


LOOP = "The loop points one way"
PURE = "The core does no I/O"
FEATHER = "stays featherweight"
AGENT = "Instrumentation adds OpenTelemetry"
WORKFLOWS = "Workflows speak to ports"
SQL = "SQL stays inside the store"
ROOT_ONLY = "Only the composition root touches adapters"
NUMERICS = "Numerics live in the numeric stages"
SETTINGS = "Settings are values"
ADAPTERS = "Adapters: transports over formats"
SURFACES = "Surfaces: the command line starts the others"
CYCLES = "No cycles anywhere"

PLANTED = [
    Planted("mine/signal.py", "import loopwright.cluster.mode", LOOP),
    Planted("collect/trace.py", "import loopwright.gate.decision", LOOP),
    Planted("errors.py", "import loopwright.registry", LOOP),
    Planted("audit/entry.py", "import loopwright.collect.trace", LOOP),
    Planted("gate/decision.py", "import loopwright.improve.proposal", LOOP),
    Planted("workflows/driver.py", "import loopwright.adapters.store", LOOP),
    Planted("adapters/store/__init__.py", "import loopwright.workflows.driver", LOOP),
    Planted("workflows/driver.py", "import loopwright.settings", LOOP),
    Planted("wiring/__init__.py", "import loopwright.surfaces.cli.main", LOOP),
    Planted("newpart/__init__.py", "", LOOP),
    Planted("mine/signal.py", "import os", PURE),
    Planted("gate/decision.py", "import random", PURE),
    Planted("evaluate/case.py", "import asyncio", PURE),
    Planted("collect/trace.py", "import logging", PURE),
    Planted("stats/__init__.py", "import time", PURE),
    Planted("cluster/mode.py", "from pathlib import Path", PURE),
    Planted("registry.py", "import importlib", PURE),
    Planted("guards/guard.py", "import numpy", FEATHER),
    Planted("guards/guard.py", "import loopwright.effects", FEATHER),
    Planted("agent/__init__.py", "import scipy", AGENT),
    Planted("agent/__init__.py", "import loopwright.audit.digest", AGENT),
    Planted("workflows/driver.py", "import sqlite3", WORKFLOWS),
    Planted("workflows/driver.py", "import subprocess", WORKFLOWS),
    Planted("surfaces/cli/main.py", "import sqlalchemy", SQL),
    Planted("adapters/importers/__init__.py", "import sqlalchemy", SQL),
    Planted("surfaces/cli/main.py", "import loopwright.adapters.store", ROOT_ONLY),
    Planted("examples/__init__.py", "import loopwright.adapters.embed", ROOT_ONLY),
    Planted("collect/trace.py", "import numpy", NUMERICS),
    Planted("workflows/driver.py", "import scipy", NUMERICS),
    Planted("settings.py", "import loopwright.gate.decision", SETTINGS),
    Planted("adapters/store/__init__.py", "import loopwright.adapters.importers", ADAPTERS),
    Planted("adapters/newkind/__init__.py", "", ADAPTERS),
    Planted("surfaces/reports/__init__.py", "import loopwright.surfaces.cli.main", SURFACES),
    Planted("surfaces/server/__init__.py", "import loopwright.surfaces.mcp", SURFACES),
    Planted("collect/intake.py", "import loopwright.collect.planted", CYCLES),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.npz", "*.gz", "*.html"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.module}: {p.line or 'new part'}")
def test_a_planted_violation_breaks_its_contract(copy: Path, planted: Planted) -> None:
    file = copy / "src" / "loopwright" / planted.module
    file.parent.mkdir(exist_ok=True)
    before = file.read_text(encoding="utf-8") if file.exists() else '"""Planted."""\n'
    file.write_text(f"{before}\n{planted.line}\n", encoding="utf-8")
    if planted.contract is CYCLES:
        (file.parent / "planted.py").write_text(f"import loopwright.collect.{file.stem}\n", encoding="utf-8")
    done = lint_imports(copy)
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert done.returncode != 0, done.stdout
    assert any(planted.contract in line for line in broken), done.stdout + done.stderr


def test_every_contract_has_a_planted_violation() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    missing = [c["name"] for c in contracts if not any(p.contract in c["name"] for p in PLANTED)]
    assert missing == []
