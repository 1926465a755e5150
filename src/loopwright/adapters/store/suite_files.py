"""The suite as YAML files in the user's repository."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from loopwright.adapters.store.whole_file import write_whole
from loopwright.errors import SuiteError
from loopwright.evaluate.case import CaseStatus, EvalCase, Suite
from loopwright.evaluate.suite import combine, parse
from loopwright.evaluate.writing import render

SUFFIXES = (".yaml", ".yml")
_MARK = "# Drafted by loopwright; content "
_EDITED = "# Edited with loopwright review; content "
_STATUS_DRAFT = re.compile(r"^(\s*(?:-\s+)?[\"']?status[\"']?:\s*[\"']?)draft\b")
_NEXT_CASE = re.compile(r"^\s*-\s+[\"']?id[\"']?:")
_ADVICE = (
    "# Review it like code: make the input and the checks say what you mean, set `status: approved`, or delete the file.\n"
    "# An edited file is yours: it is never overwritten.\n"
)


class SuiteFolder:
    """The `SuiteFiles` port. A folder stands for all `.yaml` and `.yml` files in it and below it, hidden ones aside."""

    def load(self, paths: Sequence[str], drafts: bool = False) -> Suite:
        """The approved cases of the files, in order of their paths; with `drafts` the drafts too. Raises `SuiteError`."""
        files = dict.fromkeys(file for path in paths for file in _files(Path(path)))
        return combine((parse(_read(file), _named(file)) for file in files), drafts)

    def write_drafts(self, cases: Sequence[EvalCase], folder: str) -> list[str]:
        """Write one file per failure mode; returns the paths of those that hold the drafts as given."""
        by_mode: dict[str, list[EvalCase]] = defaultdict(list)
        for case in cases:
            by_mode[case.mode_id or case.id].append(case)
        return [str(file) for name, group in by_mode.items() if _draft(file := Path(folder) / _file_name(name), group)]

    def keep_edited(self, case: EvalCase, folder: str) -> str:
        """Write a draft as a person edited it, to its file or a new one; drafting never overwrites it."""
        file = Path(case.file) if case.file else Path(folder) / _file_name(case.mode_id or case.id)
        if file.exists() and [c.id for c in parse(_read(file), _named(file))] != [case.id]:
            raise SuiteError("holds other cases too", source=_named(file), line=case.line, cure="edit the case there by hand")
        body = _ADVICE + render([case])
        _write(file, f"{_EDITED}{_digest(body)}\n{body}")
        return str(file)

    def append(self, case: EvalCase, folder: str) -> str:
        """Write an approved case to a file of its own; the draft that a person did not touch is removed."""
        file = Path(folder) / _file_name(case.id)
        known = (
            combine((parse(_read(other), _named(other)) for other in _files(Path(folder))), False)
            if Path(folder).is_dir()
            else Suite()
        )
        held = next((c for c in known.cases if c.id == case.id), None)
        if held is not None:
            if render([held]) == render([case]):
                return held.file
            raise SuiteError(
                f"case id {case.id!r} is taken", source=held.file, line=held.line, cure="give the new case another id"
            )
        if file.exists():
            raise SuiteError("stands in the way", source=_named(file), cure="move that file, or give the case another id")
        _write(file, render([case]))
        for draft in _files(Path(folder)):
            if _untouched(text := _read(draft), _MARK, _EDITED) and [c.id for c in parse(text, _named(draft))] == [case.id]:
                draft.unlink()
        return str(file)

    def withdraw(self, case_id: str, folder: str) -> list[str]:
        """Remove the drafts of a rejected case, or mark them as rejected in files that a person changed; returns their paths."""
        concerned: list[str] = []
        for file in _files(Path(folder)):
            text = _read(file)
            cases = parse(text, _named(file))
            draft = next((c for c in cases if c.id == case_id and c.status is CaseStatus.DRAFT), None)
            if draft is None:
                continue
            if _untouched(text) and len(cases) == 1:
                file.unlink()
            else:
                _write(file, _mark_rejected(file, text, draft))
            concerned.append(str(file))
        return concerned


def _mark_rejected(file: Path, text: str, case: EvalCase) -> str:
    """The file's text with the case's status `rejected` in the place of `draft`, and all else as it is."""
    lines = text.splitlines(keepends=True)
    for number in range(case.line - 1, len(lines)):
        if number >= case.line and _NEXT_CASE.match(lines[number]):
            break
        marked = _STATUS_DRAFT.sub(r"\g<1>rejected", lines[number], count=1)
        if marked != lines[number]:
            return "".join((*lines[:number], marked, *lines[number + 1 :]))
    cure = "set `status: rejected` there, or delete the case"
    raise SuiteError(
        f"holds the draft {case.id!r}, which cannot be marked as rejected", source=_named(file), line=case.line, cure=cure
    )


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise SuiteError("there is no such file or folder", source=str(path), cure="name a suite file, or run: loopwright init")
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(folder) / name


def _read(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SuiteError(f"cannot be read: {error.strerror}", source=_named(file), cure="check its rights") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        shown = f"byte 0x{data[error.start]:02x}"
        raise SuiteError(f"is not UTF-8: {shown}", source=_named(file), line=line, cure="save it as UTF-8") from None


def _named(file: Path) -> str:
    return str(file)


def _file_name(name: str) -> str:
    """A file name that says `name`; where letters had to go, a digest keeps it apart from others."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80]
    return f"{slug}.yaml" if slug == name else f"{slug or 'case'}-{_digest(name)}.yaml"


def _draft(file: Path, cases: Sequence[EvalCase]) -> bool:
    """Write a draft file, unless a person changed the one that is there; whether it now holds these drafts."""
    body = _ADVICE + render(cases)
    text = f"{_MARK}{_digest(body)}\n{body}"
    if file.exists():
        held = _read(file)
        if held == text:
            return True
        if not _untouched(held):
            return False
    _write(file, text)
    return True


def _untouched(text: str, *marks: str) -> bool:
    """Whether a draft file is as it was written under one of the marks, whatever became of its line ends."""
    first, _, body = text.replace("\r\n", "\n").partition("\n")
    return first in (f"{mark}{_digest(body)}" for mark in marks or (_MARK,))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def _write(file: Path, text: str) -> None:
    """Write at once, so that no half file is ever seen."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
    except OSError as error:
        raise SuiteError(f"cannot be written: {error.strerror}", source=str(file), cure="check the folder's rights") from None
