"""What must never be approved, and what must be, by the command itself; and what the gates of others make of the same files."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gate_peers import INSTALLED, Installed, Rows, read, rules

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from false_greens import FALSE_GREENS, GREENS, Arguments
from loopwright.surfaces.cli.main import main as loopwright

_SAID = {0: "APPROVED", 1: "blocked", 2: "undecided", 64: "refused"}
_WIDE = 96


def table(peers: Installed) -> None:
    """Print the exit code and the message for each, and how each other rule or gate takes the files where it can read them."""
    print("\nFalse greens, of which none may be approved: exit code (of others: pass, or BLOCK where the build fails)")
    names = ("naive", "< 80 %", "z-test", "McNemar", *INSTALLED)
    print(f"{'':<52}{'exit':>5}  {'':<10}" + "".join(f"{name:>9}" for name in names) + "  message")
    wrong = sum(_row(name, made, peers, names) == 0 for name, made in FALSE_GREENS.items())
    print(f"  {'holds' if not wrong else 'DOES NOT HOLD':<14}{wrong} of {len(FALSE_GREENS)} approved, asked none")
    print("And what must be approved")
    refused = sum(_row(name, made, peers, names) != 0 for name, made in GREENS.items())
    print(f"  {'holds' if not refused else 'DOES NOT HOLD':<14}{len(GREENS) - refused} of {len(GREENS)} approved, asked all")


def _row(name: str, made: Callable[[Path], Arguments], peers: Installed, names: tuple[str, ...]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        arguments = made(Path(folder))
        code, told = _ran(arguments)
        others = _others(Path(arguments[1]), Path(arguments[3]), peers)
    cells = "".join(f"{others.get(name, '-'):>9}" for name in names)
    told = told.replace(folder + "/", "")
    print(f"{name[:51]:<52}{code:>5}  {_SAID.get(code, '?'):<10}{cells}  {told[:_WIDE]}{'…' if len(told) > _WIDE else ''}")
    return code


def _ran(arguments: Arguments) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = loopwright(["gate", *arguments, "--format", "json"])
    told = json.loads(out.getvalue())["message"] if out.getvalue() else err.getvalue().strip()
    return code, told


def _others(before: Path, after: Path, peers: Installed) -> dict[str, str]:
    if not all(file.suffix == ".jsonl" and file.exists() for file in (before, after)):
        return {}
    sides = read(before), read(after)
    said: dict[str, bool | None] = _rules(*sides) | peers.ask(before, after, plain=False)
    return {name: "-" if blocks is None else "BLOCK" if blocks else "pass" for name, blocks in said.items()}


def _rules(before: Rows, after: Rows) -> dict[str, bool | None]:
    """A script that divides by the number of results fails where there are none: that is no pass."""
    nothing = dict.fromkeys(("< 80 %", "z-test"), True) if not after else {}
    return rules(before, after).blocks | nothing
