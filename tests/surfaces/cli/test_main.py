"""The front door: help, versions, unknown commands, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
