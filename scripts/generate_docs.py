"""Write the reference pages that derive from the code: settings, commands, errors, dialects; `--check` compares only."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import typer.main

from loopwright import errors
from loopwright.collect import dialects, spans_reading
from loopwright.settings import SETTINGS, Setting
from loopwright.surfaces.cli.main import VERBS, help_text

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
HEADER = "<!-- Written by scripts/docs from the code; change the code, not this page. -->\n"


def main() -> int:
    """Write or compare all pages; returns 1 when a page differs from the code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args().check
    stale = []
    pages = {"settings": settings_page(), "commands": commands_page(), "errors": errors_page(), "dialects": dialects_page()}
    for name, lines in ((f"{page}.md", lines) for page, lines in pages.items()):
        page = REFERENCE / name
        text = HEADER + "\n".join(lines).rstrip() + "\n"
        if check and (not page.exists() or page.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            page.write_text(text, encoding="utf-8")
            print(f"wrote docs/reference/{name}")
    if stale:
        print(f"docs/reference: {', '.join(stale)} differ from the code; run scripts/docs and commit", file=sys.stderr)
    return 1 if stale else 0


def dialects_page() -> Iterator[str]:
    """One table a dialect, of what each field is read from."""
    yield "# Dialects of spans\n"
    yield (inspect.getdoc(dialects) or "") + "\n"
    for dialect in spans_reading.DIALECTS:
        title, _, rest = (inspect.getdoc(dialect) or "").partition("\n")
        yield f"## {str(getattr(dialect, '__name__', '')).rpartition('.')[2]}\n\n{title}{rest}\n"
        yield "| field | attributes, the first that is there counts |\n|---|---|"
        for field, names in getattr(dialect, "NAMES", {}).items():
            yield f"| {field} | {', '.join(f'`{name}`' for name in names)} |"
        if dialect.PREFIXES:
            yield f"| flattened | {', '.join(f'`{prefix}*`' for prefix in dialect.PREFIXES)} |"
        kinds = getattr(dialect, "KINDS", None) or getattr(dialect, "OPERATIONS", {})
        of_kind: dict[str, list[str]] = {}
        for word, kind in kinds.items():
            of_kind.setdefault(kind, []).append(f"`{word}`")
        yield "\n| step | kinds of spans |\n|---|---|"
        yield from (f"| {kind} | {', '.join(words)} |" for kind, words in of_kind.items())
        yield ""


def settings_page() -> Iterator[str]:
    """One heading a setting, grouped by section of `loopwright.toml`."""
    yield "# Settings\n"
    yield "Each setting can be given in four places; the first that is given wins: the flag, the environment variable,"
    yield "the nearest `loopwright.toml` in this folder or above it, the default. Relative paths count from that file's folder."
    yield "Commands that work on files alone read no `loopwright.toml` unless `--config` names one.\n"
    section = ""
    for row in SETTINGS:
        if row.name.split(".")[0] != section:
            section = row.name.split(".")[0]
            yield f"## [{section}]\n"
        yield f"### {row.name}\n"
        yield f"{row.help}\n"
        default = f'"{row.default}"' if isinstance(row.default, str) else str(row.default).lower()
        yield "| default | unit | allowed | flag | environment |\n|---|---|---|---|---|"
        yield f"| `{default}` | {row.unit} | {_allowed(row)} | `{row.flag}` | `{row.env}` |\n"


def _allowed(row: Setting) -> str:
    choices, low, high = row.choices, row.low, row.high
    if choices:
        return ", ".join(f"`{c}`" for c in choices)
    if low is None:
        return "any"
    return f"{low:g} to {high:g}" if high is not None else f"at least {low:g}"


def commands_page() -> Iterator[str]:
    """One heading a command, with its arguments, options and help."""
    yield "# Commands\n"
    yield "Exit codes everywhere: 0 fine or approved, 1 blocked, 2 could not decide, 64 wrong usage or input.\n"
    yield f"```text\n{help_text(everything=True)}\n```\n"
    for name, verb in VERBS.items():
        command = typer.main.get_command(import_module(f"loopwright.surfaces.cli.verbs.{verb.module}").app)
        yield from _command(f"loopwright {name}", command, level=2)


def _command(path: str, command: Any, level: int) -> Iterator[str]:
    yield f"{'#' * level} {path}\n"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "").replace("\b", "") + "\n"
    rows = [_parameter(p) for p in command.params if p.name not in ("help", "install_completion", "show_completion")]
    rows = [r for r in rows if r]
    if rows:
        yield "| argument | meaning |\n|---|---|"
        yield from rows
        yield ""
    if hasattr(command, "commands"):
        for child in command.commands.values():
            yield from _command(f"{path} {child.name}", child, level + 1)


def _parameter(param: Any) -> str:
    if param.param_type_name == "option":
        names = ", ".join(f"`{n}`" for n in (*param.opts, *param.secondary_opts))
        meaning = param.help or ""
    else:
        names = f"`{(param.metavar or param.name or '').upper()}`"
        meaning = getattr(param, "help", "") or ""
    return f"| {names} | {' '.join(meaning.split()).replace('|', chr(92) + '|')} |"


def errors_page() -> Iterator[str]:
    """One heading an error."""
    yield "# Errors\n"
    yield "Every error is one line on stderr that names the value, the place and the cure.\n"
    yield f"```text\n{inspect.cleandoc(errors.__doc__ or '')}\n```\n"
    for name, item in vars(errors).items():
        if inspect.isclass(item) and issubclass(item, Exception):
            yield f"## {name}\n"
            yield f"{inspect.cleandoc(item.__doc__ or '')}\n\nExit code {item.exit_code}.\n"


if __name__ == "__main__":
    raise SystemExit(main())
