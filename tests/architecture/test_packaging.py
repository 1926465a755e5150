"""What is installed: declared dependencies cover the imports, and the guards need none of them."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"loopwright"}


def declared() -> set[str]:
    rows = [*PROJECT["dependencies"], *(r for extra in PROJECT["optional-dependencies"].values() for r in extra)]
    return {re.split(r"[<>=!~\[; ]", row)[0].lower().replace("_", "-") for row in rows}


def test_every_third_party_import_is_a_declared_dependency() -> None:
    distributions = packages_distributions()
    used = {name for file in (ROOT / "src").rglob("*.py") for name in imported(file)}
    wanted = {name: {d.lower().replace("_", "-") for d in distributions.get(name, [name])} for name in used}
    assert {name: by for name, by in wanted.items() if not by & declared()} == {}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        ROOT,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.install
def test_the_wheel_holds_data_licences_and_the_pytest_shim(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "_loopwright_pytest.py" in names
    assert "loopwright/py.typed" in names
    assert "loopwright/__init__.pyi" in names
    assert any(n.startswith("loopwright/examples/conversations/") and n.endswith(".gz") for n in names)
    assert "loopwright/examples/conversations/LICENSE" in names
    assert any(n.endswith("licenses/LICENSE") for n in names)
    shipped = {
        str(f.relative_to(ROOT / "src")) for f in (ROOT / "src").rglob("*") if f.is_file() and "__pycache__" not in f.parts
    }
    assert shipped <= names


@pytest.mark.install
def test_guards_work_where_nothing_else_is_installed(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    site = subprocess.run(
        [python, "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    )
    zipfile.ZipFile(wheel).extractall(site.stdout.strip())
    code = "import loopwright, loopwright.guards.guard, loopwright.agent; print(loopwright.Guard.__name__)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Guard"), done.stderr
