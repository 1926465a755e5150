"""CSV with a header: a line a trial. The columns are those of the exchange format, or their usual names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping

from loopwright.adapters.importers.results.rows import Row, Trials, clipped, row
from loopwright.audit.digest import digest
from loopwright.collect.intake import shown
from loopwright.errors import RecordError
from loopwright.wording import counted

_NAMES = {
    "eval_id": ("eval_id", "case_id", "test_id", "example_id", "id", "case", "test", "name"),
    "asked": ("input", "question", "prompt"),
    "passed": ("passed", "pass", "success", "verdict", "result", "outcome", "status", "correct"),
    "score": ("score",),
    "trial": ("trial", "epoch", "repeat_index", "attempt"),
    "run_id": ("run_id", "run"),
    "error": ("error",),
    "version": ("version", "release"),
    "mode_id": ("mode_id", "failure_mode", "mode"),
    "layer": ("layer",),
    "tags": ("tags",),
    "deterministic": ("deterministic",),
    "repeat": ("repeat",),
    "suite_digest": ("suite_digest",),
    "case_digest": ("case_digest",),
    "cost_usd": ("cost_usd", "cost"),
    "latency_ms": ("latency_ms",),
    "tokens": ("tokens", "total_tokens"),
}
_PASSED = frozenset(("true", "1", "1.0", "yes", "y", "pass", "passed", "ok", "success", "succeeded", "correct"))
_FAILED = frozenset(("false", "0", "0.0", "no", "n", "fail", "failed", "failure", "incorrect", "wrong"))
_NULL = ("", "null", "none", "na", "n/a", "nan")
_NO_VERDICT = frozenset((*_NULL, "error", "errored", "timeout", "timed out", "timed_out", "unknown"))
_SKIPPED = frozenset(("skip", "skipped", "not run", "notrun", "disabled", "ignored"))
_TRUTHS = {"": None, "true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
DELIMITERS = (",", ";", "\t")


class Table:
    """Rows out of one file of CSV. A score decides, from `pass_score` on, where no column says whether the trial passed."""

    def __init__(self, pass_score: float, limit: int) -> None:
        self._trials = Trials()
        self._pass_score = pass_score
        self._limit = limit
        self.skipped = 0

    def read(self, lines: Iterable[str]) -> Iterator[tuple[int, Row]]:
        """(line, row) of each trial; raises `RecordError` with the line in its `line`."""
        csv.field_size_limit(self._limit)
        lines = iter(lines)
        head = next(lines, "")
        reader = csv.reader(lines, delimiter=delimiter(head), strict=True)
        columns = _columns(next(csv.reader([head], delimiter=delimiter(head)), []))
        before = 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise _at(RecordError(f"malformed CSV: {error}", cure="mend the line"), 1 + reader.line_num) from None
            line, before = before + 1, 1 + reader.line_num
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            try:
                made = self._row(columns, cells)
            except RecordError as error:
                raise _at(error, line) from None
            if made is not None:
                yield line, made

    @property
    def notes(self) -> list[str]:
        """What a person should know of the file."""
        what = "row is of a case that was skipped, and is no trial" if self.skipped == 1 else "rows are skipped, and no trials"
        return [f"{self.skipped} {what}"] if self.skipped else []

    def _row(self, columns: Mapping[str, int], cells: list[str]) -> Row | None:
        if len(cells) <= max(columns.values()):
            raise RecordError(
                f"{counted(len(cells), 'column')}, fewer than the header has", cure="mend the line: a quote may be open"
            )
        told = {name: cells[index].strip() for name, index in columns.items()}
        verdict = told.get("passed", "").lower()
        if verdict in _SKIPPED:
            self.skipped += 1
            return None
        eval_id = told.get("eval_id") or (f"case-{digest('csv', told['asked'])[:8]}" if told.get("asked") else "")
        if not eval_id:
            raise RecordError("the case has no id", cure="give it one in the column eval_id")
        score = _number(told, "score")
        passed = self._passed(verdict, score, "passed" in columns)
        error = told.get("error") or (None if passed is not None else verdict or "no verdict")
        run_id = told.get("run_id")
        trial = _number(told, "trial")
        texts = {name: told.get(name) for name in ("version", "mode_id", "layer", "suite_digest", "case_digest")}
        return row(
            eval_id,
            int(trial) if trial is not None else self._trials.number(f"{run_id}\0{eval_id}"),
            passed if not told.get("error") else None,
            error=clipped(error) if error else None,
            run_id=run_id,
            score=score,
            tags=[tag for tag in re.split(r"[;|,\s]+", told.get("tags", "")) if tag],
            deterministic=_truth(told, "deterministic"),
            repeat=_truth(told, "repeat"),
            cost_usd=_number(told, "cost_usd"),
            latency_ms=_number(told, "latency_ms"),
            tokens=_number(told, "tokens"),
            **texts,
        )

    def _passed(self, verdict: str, score: float | None, has_column: bool) -> bool | None:
        if verdict in _PASSED:
            return True
        if verdict in _FAILED:
            return False
        if verdict not in _NO_VERDICT:
            raise RecordError(f"passed is {shown(verdict)}", cure="give true or false, or nothing where there was no verdict")
        return None if has_column or score is None else score >= self._pass_score


def delimiter(header: str) -> str:
    """What divides the columns: of the usual signs the one that is most in the header."""
    return max(DELIMITERS, key=header.count)


def knows(header: str) -> bool:
    """Whether a first line is the header of a table of results."""
    names = {_tidy(name) for name in next(csv.reader([header], delimiter=delimiter(header)), [])}
    return bool(names & {*_NAMES["passed"], *_NAMES["score"]}) and bool(names & {*_NAMES["eval_id"], *_NAMES["asked"]})


def _columns(header: list[str]) -> dict[str, int]:
    """Where each field stands; of several columns for one field, the first of its names counts."""
    places = {_tidy(name): index for index, name in reversed(list(enumerate(header)))}
    found = {
        field: next(places[name] for name in names if name in places)
        for field, names in _NAMES.items()
        if any(name in places for name in names)
    }
    if not {"eval_id", "asked"} & set(found) or not {"passed", "score"} & set(found):
        cure = "give eval_id (or case_id, or input), and passed (or score)"
        raise _at(RecordError(f"the header is {shown(header)}", cure=cure), 1)
    return found


def _tidy(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lstrip("\ufeff").lower())


def _number(told: Mapping[str, str], name: str) -> float | None:
    text = told.get(name, "")
    if text.lower() in _NULL:
        return None
    try:
        number = float(text)
    except ValueError:
        raise RecordError(f"{name} is {shown(text)}", cure="give a number, or nothing") from None
    if number in (float("inf"), float("-inf")) or (name in ("trial", "tokens") and (number < 0 or number != int(number))):
        raise RecordError(f"{name} is {shown(text)}", cure="give a whole number from 0, or nothing")
    return number


def _truth(told: Mapping[str, str], name: str) -> bool | None:
    text = told.get(name, "").lower()
    if text not in _TRUTHS:
        raise RecordError(f"{name} is {shown(text)}", cure="give true or false")
    return _TRUTHS[text]


def _at(error: RecordError, line: int) -> RecordError:
    error.line = line
    return error
