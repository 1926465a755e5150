"""Results as a file of JSON Lines, a line a trial, written as they come: what the gate reads.

Every line is handed to the operating system when its trial ends, so that a killed run loses nothing that was written, and it is
forced to the disk at most `SYNC_S` seconds later, so that a machine that loses power loses no more.
"""

from __future__ import annotations

import fcntl
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from loopwright.errors import InputError
from loopwright.evaluate.result import EvalResult, Run

SYNC_S = 0.1
MAX_OUTPUT = 20_000
"""Characters of an answer that a line keeps."""

_FIRST = b'{"eval_id":'
_FIELDS = (
    "error", "version", "suite_digest", "case_digest", "layer", "mode_id", "deterministic", "tags", "score", "cost_usd",
    "latency_ms", "tokens", "judge_id", "judge_calibrated", "judged_at",
)  # fmt: skip


class MemoryLog:
    """The `RunLog` port without a file: results that only this command sees."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._results: dict[tuple[str, str, int], EvalResult] = {}

    def put_run(self, run: Run) -> None:
        """Write a run, or its new end time."""
        self._runs[run.run_id] = run

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return list(self._runs.values())

    def put_result(self, result: EvalResult) -> None:
        """Keep one trial; the same again replaces nothing."""
        self._results.setdefault((result.run_id, result.eval_id, result.trial), result)

    def results(self, run_id: str) -> list[EvalResult]:
        """All trials of a run."""
        return [result for (run, _, _), result in self._results.items() if run == run_id]


class ResultFile:
    """The `RunLog` port over a file that holds one run.

    A torn last line, as a kill leaves it, is cut off. Raises `InputError` for a file that holds anything but results, that
    another process writes to, or, unless `replace`, that holds a run of something else.
    """

    def __init__(self, path: Path, replace: bool = False) -> None:
        self._name = str(path)
        self._replace = replace
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise InputError(
                f"cannot be written: {error.strerror}", source=self._name, cure="name another file with --out"
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._results = {} if replace else self._read()
        except BlockingIOError:
            os.close(self._file)
            raise InputError("another run writes to it", source=self._name, cure="wait for it, or name another file") from None
        except InputError:
            os.close(self._file)
            raise
        self._runs = {result.run_id: _run(result) for result in self._results.values()}
        self._unsynced = threading.Event()
        self._closed = threading.Event()
        self._syncer = threading.Thread(target=self._sync, daemon=True)
        self._syncer.start()

    def put_run(self, run: Run) -> None:
        """Begin a run, or end it. A new run replaces an earlier one of the same version, suite, target and trials."""
        if run.run_id in self._runs:
            return
        for held in self._runs.values():
            if not self._replace and held.run_id.rpartition("-")[0] != run.run_id.rpartition("-")[0]:
                raise InputError(
                    f"holds the results of another run (version {held.version!r}, suite {held.suite_digest}; now version "
                    f"{run.version!r}, suite {run.suite_digest}, or the target or the trials differ)",
                    source=self._name,
                    cure="name another file with --out, or replace it with --fresh",
                )
        os.ftruncate(self._file, 0)
        self._results = {}
        self._runs = {run.run_id: run}

    def runs(self) -> list[Run]:
        """The run that the file holds, as far as its lines tell of it."""
        return list(self._runs.values())

    def put_result(self, result: EvalResult) -> None:
        """Write one line; the same trial again writes none."""
        key = (result.eval_id, result.trial)
        if key in self._results:
            return
        _write_all(self._file, encode(result))
        self._results[key] = result
        self._unsynced.set()

    def results(self, run_id: str) -> list[EvalResult]:
        """All trials of a run."""
        return [result for result in self._results.values() if result.run_id == run_id]

    def close(self) -> None:
        """Force what is written to the disk, and let go of the file; one without a line is removed."""
        self._closed.set()
        self._unsynced.set()
        self._syncer.join()
        if os.fstat(self._file).st_size == 0:
            Path(self._name).unlink(missing_ok=True)
        os.close(self._file)

    def _sync(self) -> None:
        while not self._closed.is_set():
            self._unsynced.wait()
            self._unsynced.clear()
            os.fsync(self._file)
            self._closed.wait(SYNC_S)
        os.fsync(self._file)

    def _read(self) -> dict[tuple[str, int], EvalResult]:
        with open(self._file, "rb", closefd=False) as file:
            data = file.read()
        whole = data.rfind(b"\n") + 1
        results: dict[tuple[str, int], EvalResult] = {}
        for number, line in enumerate(data[:whole].split(b"\n")[:-1], 1):
            result = self._decode(line, number)
            results.setdefault((result.eval_id, result.trial), result)
        if whole < len(data):
            if not whole and not (data.startswith(_FIRST) or _FIRST.startswith(data)):
                raise self._foreign(1)
            os.ftruncate(self._file, whole)
        return results

    def _decode(self, line: bytes, number: int) -> EvalResult:
        try:
            result = msgspec.json.decode(line, type=EvalResult)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._foreign(number) from None
        if not result.run_id.startswith("run-"):
            raise self._foreign(number)
        return result

    def _foreign(self, line: int) -> InputError:
        cure = "name another file with --out, or replace it with --fresh"
        return InputError("is not a line of results that `run` wrote", source=self._name, line=line, cure=cure)


def encode(result: EvalResult) -> bytes:
    """A result as the line that the gate reads: one JSON object and a line feed; what is not known is left out."""
    return msgspec.json.encode(row(result)) + b"\n"


def row(result: EvalResult) -> dict[str, Any]:
    """A result as plain JSON values, in the order of the exchange format."""
    made: dict[str, Any] = {
        "eval_id": result.eval_id, "run_id": result.run_id, "trial": result.trial, "passed": result.passed,
    }  # fmt: skip
    made |= {name: value for name in _FIELDS if (value := getattr(result, name)) not in (None, ())}
    made |= {name: True for name in ("repeat", "sealed") if getattr(result, name)}
    made["output"] = result.output[:MAX_OUTPUT]
    made["checks"] = [{"type": c.type, "passed": c.passed, "reason": c.reason} for c in result.checks]
    return made


def _run(result: EvalResult) -> Run:
    """What a line tells of its run; its start stands in its id."""
    stamp = result.run_id.rpartition("-")[2]
    try:
        started = datetime.strptime(stamp, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        started = datetime.fromtimestamp(0, UTC)
    return Run(result.run_id, result.version or "", result.suite_digest or "", "", started)


def _write_all(file: int, data: bytes) -> None:
    """Write everything: a full disk may take a part of it only."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
