"""Report module lengths and parameter counts that are above what a reader takes in at one sitting. Fails nothing."""

from __future__ import annotations

import ast
from pathlib import Path

MODULE_LINES = 300
PARAMETERS = 6


def main() -> None:
    """Print what is above the marks, longest first."""
    modules: list[tuple[int, Path]] = []
    functions: list[tuple[int, str]] = []
    files = sorted(Path("src").rglob("*.py"))
    for file in files:
        text = file.read_text(encoding="utf-8")
        modules.append((len(text.splitlines()), file))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)
                functions.append((count, f"{file}:{node.lineno} {node.name}"))
    print(f"{len(files)} modules, {sum(n for n, _ in modules)} lines, longest {max(modules)[0]}")
    for lines, file in sorted(modules, reverse=True):
        if lines > MODULE_LINES:
            print(f"  {lines:4d} lines       {file}")
    for count, place in sorted(functions, reverse=True):
        if count > PARAMETERS and "/cli/verbs/" not in place:
            print(f"  {count:4d} parameters  {place}")


if __name__ == "__main__":
    main()
