"""The scripts, as far as they decide anything before they install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = sorted(f for f in (ROOT / "bench").glob("*.py") if "__main__" in f.read_text(encoding="utf-8"))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The scripts and the benchmarks alone: nothing is installed there."""
    for folder in ("scripts", "bench"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def bench(clone: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["scripts/bench", *args], cwd=clone, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["nope", "../scripts/write_schema", "gate.py"])
def test_an_unknown_benchmark_is_refused_before_anything_is_installed(clone: Path, name: str) -> None:
    done = bench(clone, name, "--data", "somewhere")
    assert done.returncode == 64
    assert done.stdout == ""
    assert f"no benchmark '{name}'" in done.stderr
    assert all(f"  {file.stem} " in done.stderr for file in BENCHMARKS)
    assert not (clone / ".venv").exists()


def test_the_benchmarks_are_listed_with_what_they_measure(clone: Path) -> None:
    done = bench(clone, "--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == [f.stem for f in BENCHMARKS]
    assert '"""' not in done.stdout
    assert not (clone / ".venv").exists()


def test_every_benchmark_takes_the_data_that_all_are_given() -> None:
    assert [f.name for f in BENCHMARKS if '"--data"' not in f.read_text(encoding="utf-8")] == []
