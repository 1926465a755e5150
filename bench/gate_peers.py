"""What others would decide on the same files: rules of thumb, textbook tests, and gates that can be installed."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
import sys
import venv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

ALPHA = 0.05
THRESHOLD = 0.8
RULES = ("naive", "1 retry", "< 80 %", "z-test", "McNemar")
"""The naive rule; a retry of what fails; a bar for the candidate alone; a test of both pass rates; one of one run a side."""
INSTALLED = {"holdline": "holdline", "evalgate": "evalgate-cli", "kalibra": "kalibra"}
"""The commands that can be installed, and their packages."""
Rows = Sequence[Mapping[str, Any]]


class Peer(NamedTuple):
    """What rules other than ours say of one comparison: by rule, whether it blocks; None where it could not be asked."""

    blocks: dict[str, bool | None]
    lost: int


def rules(before: Rows, after: Rows) -> Peer:
    """What the rules above say. `lost` counts the naive rule's regressions."""
    old, new = by_case(before), by_case(after)
    passed = {case for case, verdicts in old.items() if any(v is True for v in verdicts)}
    naive = [case for case in passed if any(v is not True for v in new.get(case, ()))]
    retried = [case for case in passed if new.get(case) and not any(v is True for v in new[case][:2])]
    x0, x1 = (sum(row.get("passed") is True for row in side) for side in (before, after))
    said = {
        "naive": bool(naive),
        "1 retry": bool(retried),
        "< 80 %": x1 < THRESHOLD * len(after),
        "z-test": z_blocks(x0, len(before), x1, len(after)),
        "McNemar": mcnemar_blocks(old, new),
    }
    return Peer(dict(said), len(naive))


def by_case(rows: Rows) -> dict[str, list[bool | None]]:
    """The verdicts of each case, in the order of the rows."""
    found: dict[str, list[bool | None]] = defaultdict(list)
    for row in rows:
        found[str(row.get("eval_id"))].append(row.get("passed"))
    return found


def z_blocks(x0: int, n0: int, x1: int, n1: int) -> bool:
    """The unpaired test of two pass rates, one-sided; it does not block where it cannot be computed."""
    if not n0 or not n1:
        return False
    pooled = (x0 + x1) / (n0 + n1)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n0 + 1 / n1))
    return spread > 0 and (x1 / n1 - x0 / n0) / spread < NormalDist().inv_cdf(ALPHA)


def mcnemar_blocks(old: Mapping[str, Sequence[bool | None]], new: Mapping[str, Sequence[bool | None]]) -> bool:
    """McNemar's exact test, one-sided, on the first trial of each side."""
    pairs = [(old[case][0] is True, new[case][0] is True) for case in old if new.get(case)]
    lost, gained = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    return sum(math.comb(lost + gained, k) for k in range(lost, lost + gained + 1)) / 2 ** (lost + gained) <= ALPHA


class Installed:
    """Gates of others, asked through their own commands, on the files that ours reads."""

    def __init__(self, folder: Path, install: bool) -> None:
        self._folder = folder / "peers"
        self._folder.mkdir()
        self._running: dict[str, subprocess.Popen[str]] = {}
        made = _made_venv(folder / "venv") if install else None
        for command in INSTALLED:
            python = made if made is not None else _python_of(command)
            if python is not None:
                self._running[command] = _started(python, command, self._folder)

    @property
    def names(self) -> list[str]:
        """Those that are there."""
        return list(self._running)

    def __enter__(self) -> Installed:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            if process.stdin is not None:
                process.stdin.close()
            process.wait()

    def ask(self, before: Path, after: Path, plain: bool = True) -> dict[str, bool | None]:
        """Whether each would fail the build, given two files of our exchange format; None where it is not installed.

        With `plain`, a trial without a verdict is a failure, as some refuse files with such. One that can read our files as they
        are is given these otherwise.
        """
        sides = read(before), read(after)
        self._convert(*sides)
        if plain:
            before, after = self._plain(before.name, sides[0]), self._plain(after.name, sides[1])
        asked = {
            "holdline": [
                "compare",
                str(before),
                str(after),
                "--id-col",
                "eval_id",
                "--pass-col",
                "passed",
                "--repeat-col",
                "trial",
            ],
            "evalgate": ["paired", "paired.csv", "--baseline", "before", "--candidate", "after"],
            "kalibra": [
                *("compare", "before.jsonl", "after.jsonl", "--outcome", "outcome", "--task-id", "task_id", "-q"),
                *("--trace-format", "flat", "-r", "success_rate_delta >= -0.5"),
            ],
        }
        codes = {command: self._code(command, args) for command, args in asked.items()}
        return {command: None if code is None else code != 0 for command, code in codes.items()}

    def _code(self, command: str, args: list[str]) -> int | None:
        process = self._running.get(command)
        if process is None:
            return None
        if process.stdin is None or process.stdout is None:
            raise RuntimeError(f"{command} was started without pipes")
        process.stdin.write(json.dumps(args) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    def _plain(self, name: str, side: Rows) -> Path:
        file = self._folder / f"plain-{name}"
        file.write_text("".join(json.dumps(dict(row) | {"passed": row.get("passed") is True}) + "\n" for row in side))
        return file

    def _convert(self, before: Rows, after: Rows) -> None:
        for name, side in (("before", before), ("after", after)):
            traces = [
                {
                    "trace_id": f"{name}-{number}",
                    "task_id": row.get("eval_id"),
                    "outcome": "success" if row.get("passed") is True else "failure",
                }
                for number, row in enumerate(side)
            ]
            (self._folder / f"{name}.jsonl").write_text("".join(json.dumps(trace) + "\n" for trace in traces))
        old, new = by_case(before), by_case(after)
        with (self._folder / "paired.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", "before", "after"])
            table.writerows([case, int(old[case][0] is True), int(new[case][0] is True)] for case in old if new.get(case))


def read(file: Path) -> list[dict[str, Any]]:
    """The lines that can be read, for formats that they are turned into."""
    found = []
    for line in file.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [row for row in found if isinstance(row, dict)]


def _made_venv(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *INSTALLED.values()], check=True)
    return python


def _python_of(command: str) -> Path | None:
    """The interpreter that a command on the path runs under."""
    found = shutil.which(command)
    if found is None:
        return None
    with Path(found).open("rb") as script:
        first = script.readline().decode(errors="replace")
    python = Path(first.removeprefix("#!").strip())
    return python if first.startswith("#!") and python.exists() else Path(sys.executable)


def _started(python: Path, command: str, folder: Path) -> subprocess.Popen[str]:
    """A process that holds the command loaded: starting it anew for every pair would take longer than all else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.Popen(
        [str(python), "-c", _DRIVER, command],
        cwd=folder,
        env=kept | {"HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "200"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


_DRIVER = """
import contextlib, io, json, sys
from importlib.metadata import entry_points
command = sys.argv[1]
main = next(e for e in entry_points(group="console_scripts") if e.name == command).load()
for line in sys.stdin:
    sys.argv = [command, *json.loads(line)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            code = main()
        except SystemExit as end:
            code = end.code
        except Exception:  # a traceback fails a build as any other exit code but 0 does
            code = 70
    print(code if isinstance(code, int) else int(bool(code)), flush=True)
"""
