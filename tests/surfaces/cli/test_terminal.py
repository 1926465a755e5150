from __future__ import annotations

import pytest

from loopwright.surfaces.cli import terminal

ID = "mode-7177ff672635f7cb"
COLUMNS = ("mode", "status", "size", "name")
ROWS = [(ID, "open", 3, "the booking is not found, and the user says so twice over " * 2), ("mode-2", "open", 12_000, "short")]


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch):
    """Lets a test say how wide the terminal is; None for a pipe."""

    def made(columns: int | None) -> None:
        if columns is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", str(columns))

    return made


@pytest.mark.parametrize("columns", [None, 20, 40, 60, 80, 200])
def test_an_id_is_never_cut(capsys, monkeypatch, window, columns):
    window(columns)
    monkeypatch.setattr(terminal, "out", terminal.Console(highlight=False))
    terminal.table("Modes", COLUMNS, ROWS, right=(2,), whole=(0,))
    lines = capsys.readouterr().out.splitlines()
    assert any(ID in line for line in lines)
    assert any("12000" in line for line in lines)
    if columns is not None and columns >= 60:
        assert max(map(len, lines)) <= columns


def test_a_pipe_gets_a_line_a_row(capsys, window):
    window(None)
    terminal.table("Modes", COLUMNS, ROWS, right=(2,), whole=(0,))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].startswith(f"{ID}  open")
    assert lines[2].endswith(ROWS[0][3].strip())
    assert not any(line.endswith(" ") for line in lines)


def test_a_narrow_terminal_gets_blocks(capsys, monkeypatch, window):
    window(40)
    monkeypatch.setattr(terminal, "out", terminal.Console(highlight=False))
    terminal.table("", COLUMNS, ROWS, right=(2,), whole=(0,))
    assert capsys.readouterr().out.splitlines()[-4:] == ["mode    mode-2", "status  open", "size    12000", "name    short"]


def test_rows_left_out_are_counted(capsys):
    terminal.table("", ("n",), [(i,) for i in range(16)], most=10)
    assert capsys.readouterr().out.splitlines()[-2:] == ["9", "... and 6 more"]
    terminal.table("", ("n",), [(i,) for i in range(10)], most=10)
    assert "more" not in capsys.readouterr().out


def test_cells_are_text_and_never_act(capsys):
    terminal.table("", ("n",), [("[red]x[/red]\x1b[2J\ty",)])
    assert capsys.readouterr().out.splitlines()[-1] == "[red]x[/red]\\x1b[2J y"
