"""The front door: help, versions, unknown commands, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from itertools import pairwise

import pytest
import typer.main

from loopwright.surfaces.cli.main import VERBS, Verb, help_text, main


def test_help_shows_the_first_group_and_all_of_them_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    first = capsys.readouterr().out
    assert main(["--help", "--all"]) == 0
    everything = capsys.readouterr().out
    assert all(f"  {name} " in everything for name in VERBS)
    assert all((f"  {name} " in first) == verb.first for name, verb in VERBS.items())
    assert main([]) == 0


def test_help_fits_a_terminal() -> None:
    assert max(len(line) for line in help_text(everything=True).splitlines()) <= 100


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_has_help_that_teaches(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"loopwright {verb}" in out
    assert len(out.splitlines()) > 5


def every_command() -> list[list[str]]:
    """Each command with its subcommands, as they are typed."""
    apps = {name: import_module(f"loopwright.surfaces.cli.verbs.{verb.module}").app for name, verb in VERBS.items()}
    below = {name: getattr(typer.main.get_command(app), "commands", {}) for name, app in apps.items()}
    return [path for name in VERBS for path in ([name], *([name, child] for child in below[name]))]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_help_flows_to_the_terminal_and_says_what_is_read_and_written(
    path: list[str], width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([*path, "--help"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    assert "For example:" in out
    assert re.search(rf"^      (\w+=\w+ )?loopwright {' '.join(path)}", out, flags=re.MULTILINE), "an example, as it is typed"
    assert re.search(r"\b([Rr]eads?|[Ww]rites?|Files of traces|What it makes lies)\b", out)
    told = re.split(r"\n(?:Arguments|Options|Commands):", out)[0].split("\n\n")[1:]
    wrapped = [p.splitlines() for p in told if not p.startswith("      ") and len(p.splitlines()) > 1]
    for lines in wrapped:
        for line, after in pairwise(lines):
            first = re.split(r"(?<=\w)-", after.split()[0])[0]
            assert len(line) + 1 + len(first) >= min(width, 100) - 2, f"a ragged line: {line}"


def test_an_unknown_command_is_wrong_usage_and_the_nearest_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gaet"]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert "did you mean 'gate'?" in err


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_option_is_wrong_usage(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--no-such-option"]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert "--no-such-option" in err
    assert len(err.strip().splitlines()) == 1


def test_the_version_is_printed() -> None:
    done = subprocess.run([sys.executable, "-m", "loopwright", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("loopwright 0.")


def test_a_bug_of_ours_is_not_taken_for_a_block(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERBS, "broken", Verb("no_such_module", "a command whose module is missing"))
    assert main(["broken"]) == 2
    err = capsys.readouterr().err
    assert "ModuleNotFoundError" in err
    assert "this is a bug, and nothing was decided" in err


def test_a_reader_that_leaves_is_no_block() -> None:
    command = f"{sys.executable} -m loopwright --help --all | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 141)
    assert done.stderr == ""


def test_a_full_disk_is_told_in_one_line_and_decides_nothing() -> None:
    command = f"{sys.executable} -m loopwright --help --all > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "loopwright: standard output cannot be used: No space left on device; make room or name another place\n"
