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
from collections.abc import Iterable, Mapping
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
    found = _place(path)
    return Harness(read_guards(found) if found is not None else (), record=record)


def load_sound(path: str | os.PathLike[str] | None = None, *, record: Recorder | None = None) -> Harness:
    """As `load_harness`, but a file that cannot be taken stops nobody: what is sound in it runs, and `faults` says what does not.

    A guard whose table is broken is left out, and the others are as written; of a file that is not there, or no TOML, there are
    no guards.
    """
    found = _place(path)
    if found is None:
        return Harness(record=record)
    try:
        document = _document(_text(found), str(found))
    except SettingError as error:
        return Harness(record=record, faults=(str(error),))
    guards: list[Guard[Any]] = []
    faults = [str(stray) for stray in _strays(document, str(found))]
    for name, table in _tables(document).items():
        try:
            guards.append(_guard(name, table, str(found)))
        except SettingError as error:
            faults.append(str(error))
    return Harness(_in_order(guards), record=record, faults=faults)


def _place(path: str | os.PathLike[str] | None) -> Path | None:
    named = path or os.environ.get(VARIABLE)
    return Path(named) if named else find_harness(Path.cwd())


def find_harness(folder: Path) -> Path | None:
    """The nearest `harness.toml` in `folder` or above it."""
    home = folder.absolute()
    return next((place / FILE for place in (home, *home.parents) if (place / FILE).is_file()), None)


def read_guards(path: Path) -> tuple[Guard[Any], ...]:
    """The guards of a file, in the order in which they are asked; raises `SettingError`."""
    return parse_guards(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingError("there is no such file", source=str(path), cure=f"create it, or name another by {VARIABLE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"cannot be read: {error}", source=str(path), cure="give a readable file in UTF-8") from None


def parse_guards(text: str, source: str = FILE) -> tuple[Guard[Any], ...]:
    """The guards that the text of a harness file names; raises `SettingError` naming `source`."""
    document = _document(text, source)
    for stray in _strays(document, source):
        raise stray
    return _in_order(_guard(name, table, source) for name, table in _tables(document).items())


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"is not TOML: {error}", source=source, cure="correct that line") from None


def _strays(document: Mapping[str, Any], source: str) -> list[SettingError]:
    """What stands in a harness file beside the tables of guards."""
    strays = [
        SettingError(f"unknown table [{key}]", source=source, cure="a harness file holds tables [guards.NAME] only")
        for key in document
        if key != "guards"
    ]
    tables = document.get("guards", {})
    if not isinstance(tables, Mapping):
        strays.append(SettingError(f"guards is {tables!r}", source=source, cure="give tables [guards.NAME]"))
    return strays


def _tables(document: Mapping[str, Any]) -> Mapping[str, Any]:
    tables = document.get("guards", {})
    return tables if isinstance(tables, Mapping) else {}


def _in_order(guards: Iterable[Guard[Any]]) -> tuple[Guard[Any], ...]:
    built = {guard.name: guard for guard in guards}
    return tuple(built[name] for name in GUARDS if name in built)


def _guard(name: str, table: Any, source: str) -> Guard[Any]:
    if not isinstance(table, Mapping):
        raise SettingError(f"guards.{name} is {table!r}", source=source, cure=f"give a table [guards.{name}]")
    given = dict(table)
    mode = given.pop("mode", "shadow")
    return build(name, given, mode if isinstance(mode, str) else repr(mode), source)
