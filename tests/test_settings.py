"""Settings: one table, four sources, and errors that name the value, the place and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.errors import SettingError
from loopwright.settings import SETTINGS, Setting, find_file, load, setting


def toml(folder: Path, text: str) -> Path:
    file = folder / "loopwright.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_default_holds_where_nothing_is_given() -> None:
    settings = load(environ={})
    assert all(settings[row.name] == row.default for row in SETTINGS)
    assert settings.sources == {}


def test_command_line_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = toml(tmp_path, "[gate]\nalpha = 0.1\nmin_cases = 7\n[run]\ntrials = 2\n")
    settings = load(
        {"gate.alpha": 0.2, "run.trials": None}, environ={"LOOPWRIGHT_GATE_ALPHA": "0.3", "LOOPWRIGHT_RUN_TRIALS": "4"}, file=file
    )
    assert (settings["gate.alpha"], settings["run.trials"], settings["gate.min_cases"]) == (0.2, 4, 7)
    assert settings.sources == {"gate.alpha": "--alpha", "run.trials": "LOOPWRIGHT_RUN_TRIALS", "gate.min_cases": str(file)}


def test_the_nearest_file_upward_is_read_and_paths_count_from_it(tmp_path: Path) -> None:
    toml(tmp_path, "[suite]\nfolder = 'cases'\n")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    settings = load(environ={}, start=deep)
    assert settings.path("suite.folder") == tmp_path / "cases"
    nearer = toml(tmp_path / "a", "")
    assert find_file(deep) == nearer
    assert load(environ={}, start=deep).path("suite.folder") == tmp_path / "a" / "evals"


def test_no_file_is_read_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml(tmp_path, "[gate]\nalpha = 0.1\n")
    monkeypatch.chdir(tmp_path)
    assert load(environ={})["gate.alpha"] == 0.05


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[gate]\nalpha = 2", "gate.alpha is 2; give a number from 0.0001 to 0.5"),
        ("[gate]\nalpha = 'x'", "gate.alpha is 'x'; give a number"),
        ("[gate]\nalpha = nan", "gate.alpha is nan"),
        ("[gate]\nalfa = 0.1", "unknown setting 'gate.alfa'; did you mean 'gate.alpha'?"),
        ("[cluster]\nembedder = 'gpt'", "give one of auto, minilm, static"),
        ("[run]\ntrials = 1.5", "run.trials is 1.5; give a whole number"),
        ("[run]\ntrials = true", "run.trials is True"),
        ("[suite]\nfolder = 3", "suite.folder is 3; give text"),
        ("alpha = 1", "alpha stands outside a section"),
        ("[gate\n", "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_named_with_value_and_cure(tmp_path: Path, text: str, says: str) -> None:
    file = toml(tmp_path, text)
    with pytest.raises(SettingError) as caught:
        load(environ={}, file=file)
    assert says in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_wrong_environment_variable_and_flag_are_named() -> None:
    with pytest.raises(SettingError, match="LOOPWRIGHT_RUN_TRIALS: run.trials is 'many'"):
        load(environ={"LOOPWRIGHT_RUN_TRIALS": "many"})
    with pytest.raises(SettingError, match="--trials: run.trials is 0; give a whole number from 1 to 1000"):
        load({"run.trials": 0}, environ={})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        load(environ={}, file=tmp_path / "absent.toml")


def test_names_flags_and_variables_are_unique() -> None:
    assert len({row.name for row in SETTINGS}) == len({row.env for row in SETTINGS}) == len(SETTINGS)
    assert all(row.name.count(".") == 1 and row.help.endswith(".") and row.unit for row in SETTINGS)
    assert all(row.parse(row.default, "default") == row.default for row in SETTINGS)
    with pytest.raises(SettingError, match="unknown setting"):
        setting("gate.nothing")


@given(
    row=st.sampled_from(SETTINGS),
    value=st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.lists(st.integers())),
)
def test_any_value_is_taken_as_its_type_or_refused_by_name(row: Setting, value: object) -> None:
    try:
        parsed = row.parse(value, "here")
    except SettingError as error:
        assert row.name in str(error)
        assert "give" in str(error)
    else:
        assert type(parsed) is type(row.default)
