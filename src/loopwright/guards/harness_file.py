"""`harness.toml`: which guards an agent runs under, in which mode, with which parameters.

[guards.retry_budget]
mode = "enforce"          # off, shadow (the default) or enforce
per_tool = 3

[guards.scope_permissions.requires]
issue_refund = ["verify_identity"]
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loopwright.errors import SettingError
from loopwright.guards.catalogue import GUARDS, build
from loopwright.guards.guard import Guard
from loopwright.guards.harness import Harness, Recorder

FILE = "harness.toml"
VARIABLE = "LOOPWRIGHT_HARNESS"


def load_harness(path: str | os.PathLike[str] | None = None, *, record: Recorder | None = None) -> Harness:
    """The harness of `path`, else of the file that LOOPWRIGHT_HARNESS names, else of the nearest `harness.toml` upward.

    Without any there are no guards, and everything passes. Raises `SettingError` naming file, key, value and cure for a file that
    was named and is not there, or that cannot be taken. `record` is told of every decision that is not `allow`.
    """
    named = path or os.environ.get(VARIABLE)
    found = Path(named) if named else find_harness(Path.cwd())
    return Harness(read_guards(found) if found is not None else (), record=record)


def find_harness(folder: Path) -> Path | None:
    """The nearest `harness.toml` in `folder` or above it."""
    home = folder.absolute()
    return next((place / FILE for place in (home, *home.parents) if (place / FILE).is_file()), None)


def read_guards(path: Path) -> tuple[Guard[Any], ...]:
    """The guards of a file, in the order in which they are asked; raises `SettingError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingError("there is no such file", source=str(path), cure=f"create it, or name another by {VARIABLE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"cannot be read: {error}", source=str(path), cure="give a readable file in UTF-8") from None
    return parse_guards(text, str(path))


def parse_guards(text: str, source: str = FILE) -> tuple[Guard[Any], ...]:
    """The guards that the text of a harness file names; raises `SettingError` naming `source`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"is not TOML: {error}", source=source, cure="correct that line") from None
    for key in document:
        if key != "guards":
            raise SettingError(f"unknown table [{key}]", source=source, cure="a harness file holds tables [guards.NAME] only")
    tables = document.get("guards", {})
    if not isinstance(tables, Mapping):
        raise SettingError(f"guards is {tables!r}", source=source, cure="give tables [guards.NAME]")
    built = {name: _guard(name, table, source) for name, table in tables.items()}
    return tuple(built[name] for name in GUARDS if name in built)


def _guard(name: str, table: Any, source: str) -> Guard[Any]:
    if not isinstance(table, Mapping):
        raise SettingError(f"guards.{name} is {table!r}", source=source, cure=f"give a table [guards.{name}]")
    given = dict(table)
    mode = given.pop("mode", "shadow")
    return build(name, given, mode if isinstance(mode, str) else repr(mode), source)
