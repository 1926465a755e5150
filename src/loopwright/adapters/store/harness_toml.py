"""`harness.toml`, changed one guard at a time: every other line, comments included, stays as it is.

The guard's own tables are written anew. Before anything is written the new text is read back: it must hold the guards that it
held, with the one change, or the file is left alone and a person is told.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loopwright.adapters.store.whole_file import write_whole
from loopwright.errors import InputError, SettingError
from loopwright.guards.catalogue import build
from loopwright.guards.dump import dump
from loopwright.guards.guard import Guard
from loopwright.guards.harness_file import parse_guards

HEADER = """# Guards of the agent: which it runs under, in which mode (off, shadow or enforce), with which parameters.
# Proposals are written here by: loopwright improve apply
"""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")


class HarnessToml:
    """Implements `ports.HarnessFile`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def path(self) -> str:
        """Where it is, absolute."""
        return str(self._file.absolute())

    def tables(self) -> dict[str, dict[str, Any]]:
        """Each guard's table by kind, empty where there is no file; raises `InputError`."""
        text = self._text()
        parse_guards(text, self.path)
        tables = tomllib.loads(text).get("guards", {})
        return {kind: dict(table) for kind, table in tables.items()}

    def put(self, kind: str, table: Mapping[str, Any] | None) -> None:
        """Write one guard's table, or with None take it out; raises `InputError` where that would lose something."""
        text = self._text()
        guards = {guard.name: guard for guard in parse_guards(text, self.path) if guard.name != kind}
        made = "" if table is None else dump([_guard(kind, table, self.path)])
        if made:
            guards[kind] = _guard(kind, table or {}, self.path)
        changed = _replaced(text or HEADER, kind, made, self.path)
        try:
            held = {guard.name: guard for guard in parse_guards(changed, self.path)}
        except SettingError:
            held = {}
        if held != guards:
            raise InputError(
                f"[guards.{kind}] cannot be changed here without changing something else", source=self.path,
                cure=f"give each guard a table [guards.NAME] of its own, or write by hand: {' '.join(made.split()) or 'nothing'}",
            )  # fmt: skip
        try:
            write_whole(self._file, changed)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", source=self.path, cure="make it writable") from None

    def _text(self) -> str:
        try:
            return self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", source=self.path, cure="give a readable file in UTF-8") from None


def harness_text(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """A whole harness as text; raises `SettingError` for what makes no guard."""
    return dump([_guard(kind, table, "the harness") for kind, table in tables.items()])


def _guard(kind: str, table: Mapping[str, Any], source: str) -> Guard[Any]:
    parameters = {key: value for key, value in table.items() if key != "mode"}
    return build(kind, parameters, str(table.get("mode", "shadow")), source)


def _replaced(text: str, kind: str, made: str, source: str) -> str:
    """The text with `made` in place of the guard's tables, or at its end where there were none."""
    parts = _sections(text)
    own = [index for index, (name, _) in enumerate(parts) if name == kind]
    for index in own:
        _, lines = parts[index]
        if any("#" in _QUOTED.sub("", line) for line in lines):
            raise InputError(
                f"[guards.{kind}] holds comments, which would be lost", source=source, cure="move them above the table or out"
            )
    kept = ["".join(lines) for name, lines in parts if name != kind]
    if not made:
        return "".join(kept).rstrip("\n") + "\n" if "".join(kept).strip() else ""
    if not own:
        before = "".join(kept).rstrip("\n")
        return f"{before}\n\n{made}" if before else made
    place = own[0]
    before, after = "".join(kept[:place]), "".join(kept[place:])
    return f"{before}{made}\n{after}" if after.strip() else f"{before}{made}"


def _sections(text: str) -> list[tuple[str, list[str]]]:
    """The file cut at its table headers, each part with the guard that it is of.

    Blank lines and comments that stand right before a header, or at the end, are a part of their own.
    """
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines(keepends=True):
        found = _TABLE.match(line)
        if found is None:
            parts[-1][1].append(line)
            continue
        name = _guard_of(found[1])
        lead = _lead(parts[-1][1])
        if name == parts[-1][0] and name:
            parts[-1][1].extend(lead)
        elif any(part.strip() for part in lead):
            parts.append(("", lead))
        parts.append((name, [line]))
    return [*parts, ("", _lead(parts[-1][1]))]


def _lead(lines: list[str]) -> list[str]:
    """The blank lines and comments at the end of `lines`, taken out of them."""
    count = 0
    while count < len(lines) and (not lines[-1 - count].strip() or lines[-1 - count].lstrip().startswith("#")):
        count += 1
    taken = lines[len(lines) - count :]
    del lines[len(lines) - count :]
    return taken


def _guard_of(header: str) -> str:
    names = [part.strip().strip("\"'") for part in header.split(".")]
    return names[1] if len(names) > 1 and names[0] == "guards" else ""
