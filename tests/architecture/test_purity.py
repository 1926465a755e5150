"""What import-linter cannot see: dynamic imports and code execution, I/O by builtins, and what an import really loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "loopwright"
RUFF = Path(sys.executable).with_name("ruff")
STAGES = ("audit", "collect", "judge", "mine", "cluster", "evaluate", "gate", "improve", "release", "watch")
CORE = (*STAGES, "stats", "guards", "agent", "effects.py", "errors.py", "registry.py", "wording.py", "ports", "workflows")
FORBIDDEN_CALLS = {"exec", "eval", "__import__", "compile", "print", "input", "breakpoint"}
LAZY = ("surfaces/cli/main.py", "wiring/")  # the front door, and the roots that build an adapter when it is asked for
HEAVY = ("numpy", "scipy", "sqlalchemy", "msgspec", "typer", "rich", "onnxruntime", "jinja2", "yaml", "asyncio")


def forbidden_calls(text: str) -> list[str]:
    """Calls of builtins that import, execute or talk, wherever they stand in the module."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_CALLS and isinstance(node.ctx, ast.Load):
            found.append(f"{node.lineno}: {node.id}")
        if isinstance(node, ast.Attribute) and node.attr in ("__import__", "__builtins__"):
            found.append(f"{node.lineno}: {node.attr}")
    return found


def inner_imports(text: str) -> list[str]:
    """Imports of our own modules inside functions: what hides cycles."""
    found = []
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{node.lineno}: {n}" for n in names if n.split(".")[0] == "loopwright"]  # type: ignore[attr-defined]
    return found


def core_modules() -> list[Path]:
    return [f for part in CORE for f in ([SOURCE / part] if part.endswith(".py") else sorted((SOURCE / part).rglob("*.py")))]


@pytest.mark.parametrize("file", core_modules(), ids=lambda f: str(f.relative_to(SOURCE)))
def test_the_core_runs_no_code_and_imports_nothing_by_name(file: Path) -> None:
    assert forbidden_calls(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", ["exec('x = 1')", "eval('1')", "__import__('os')", "f = __import__", "compile('1', '', 'eval')"])
def test_planted_code_execution_is_found(line: str) -> None:
    assert forbidden_calls(f"def f():\n    {line}\n") != []


def test_our_own_modules_are_imported_at_the_top() -> None:
    found = {
        str(f.relative_to(SOURCE)): inner_imports(f.read_text(encoding="utf-8"))
        for f in SOURCE.rglob("*.py")
        if not f.relative_to(SOURCE).as_posix().startswith(LAZY)
    }
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_a_planted_inner_import_is_found() -> None:
    assert inner_imports("def f():\n    from loopwright.gate import decision\n") == ["2: loopwright.gate"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("from datetime import datetime\nNOW = datetime.now()", "TID251"),
        ("import uuid\nID = uuid.uuid4()", "TID251"),
        ("import numpy as np\nRNG = np.random.default_rng()", "TID251"),
        ("TEXT = open('x').read()", "PTH123"),
        ("print('x')", "T201"),
        ("def f(a, b, c, d, e, f, g, h):\n    return a", "PLR0913"),
        ("def f(x):\n    return x", "D103"),
    ],
)
@pytest.mark.parametrize("stage", ["mine", "gate", "stats"])
def test_ruff_refuses_a_planted_violation_in_a_stage(stage: str, line: str, rule: str) -> None:
    done = subprocess.run(
        [RUFF, "check", "--output-format", "concise", "--stdin-filename", f"src/loopwright/{stage}/planted.py", "-"],
        input=f'"""Planted."""\n\n{line}\n', capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert rule in done.stdout


@pytest.mark.parametrize("stage", [*STAGES, "stats", "guards", "agent"])
def test_a_stage_init_holds_a_docstring_only(stage: str) -> None:
    body = ast.parse((SOURCE / stage / "__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print('\\n'.join(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import loopwright",
        "import loopwright.guards",
        "import loopwright.guards.guard",
        "import loopwright.agent",
        "import _loopwright_pytest",
    ],
)
def test_what_goes_into_production_loads_nothing_heavy(statement: str) -> None:
    loaded = {name.split(".")[0] for name in loaded_by(statement)}
    assert loaded.isdisjoint(HEAVY)


def test_the_pytest_shim_loads_nothing_of_ours() -> None:
    assert not any(name.split(".")[0] == "loopwright" for name in loaded_by("import _loopwright_pytest"))


def test_guards_load_the_standard_library_only() -> None:
    loaded = {name.split(".")[0] for name in loaded_by("import loopwright.guards.guard")} - {"loopwright"}
    assert loaded <= set(sys.stdlib_module_names)


def test_top_level_help_loads_no_cli_library() -> None:
    loaded = {name.split(".")[0] for name in loaded_by("from loopwright.surfaces.cli.main import help_text; help_text(True)")}
    assert loaded.isdisjoint((*HEAVY, "click"))
