"""`loopwright init`: what it writes, what it leaves alone, and that what it writes works."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from loopwright.evaluate.suite import CHECKS, json_schema
from loopwright.settings import SETTINGS, load
from loopwright.surfaces.cli.main import main
from loopwright.surfaces.cli.verbs.init import TARGET, toml

FILES = {
    "loopwright.toml",
    "agent_example.py",
    "evals/first_cases.yaml",
    "evals/suite.schema.json",
    ".github/workflows/loopwright.yml",
    ".gitignore",
}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_writes_the_first_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    assert files(project) == FILES
    assert "Next: loopwright run" in capsys.readouterr().err


def test_a_file_that_stands_is_kept_and_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "evals").mkdir()
    for name in ("loopwright.toml", "evals/first_cases.yaml"):
        (project / name).write_text("mine\n")
    assert main(["init"]) == 0
    assert (project / "loopwright.toml").read_text() == (project / "evals/first_cases.yaml").read_text() == "mine\n"
    told = capsys.readouterr().err
    assert "kept  loopwright.toml, which was there" in told
    assert f"Next: loopwright run --target {TARGET}" in told


def test_a_second_time_changes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "--format", "json"])
    assert set(json.loads(capsys.readouterr().out)["created"]) == FILES
    before = {name: (project / name).read_bytes() for name in FILES}
    main(["init", "--format", "json"])
    again = json.loads(capsys.readouterr().out)
    assert (again["created"], set(again["kept"])) == ([], FILES)
    assert {name: (project / name).read_bytes() for name in FILES} == before
    main(["init"])
    assert capsys.readouterr().err.endswith("Next: loopwright run\n")


def test_the_cases_name_every_check_and_the_schema_beside_them(project: Path) -> None:
    main(["init"])
    text = (project / "evals/first_cases.yaml").read_text()
    assert all(f"{name}," in text or f"{name};" in text for name in CHECKS.names())
    assert text.startswith("# yaml-language-server: $schema=suite.schema.json\n")
    assert json.loads((project / "evals/suite.schema.json").read_text()) == json_schema()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("build", "build\n.loopwright/\nloopwright-report.html\n__pycache__/\n"),
        ("/.loopwright\nloopwright-report.html\n__pycache__\n", "/.loopwright\nloopwright-report.html\n__pycache__\n"),
        ("", ".loopwright/\nloopwright-report.html\n__pycache__/\n"),
    ],
)
def test_gitignore_covers_what_users_said(project: Path, before: str, after: str) -> None:
    (project / ".gitignore").write_text(before)
    main(["init"])
    assert (project / ".gitignore").read_text() == after


@pytest.mark.parametrize(("ci", "path"), [("gitlab", "loopwright.gitlab-ci.yml"), ("none", None)])
def test_other_ci_services(project: Path, ci: str, path: str | None) -> None:
    main(["init", "--ci", ci])
    assert files(project) == FILES - {".github/workflows/loopwright.yml"} | ({path} if path else set())


def test_another_folder_is_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "a new/agent"]) == 0
    assert files(project / "a new/agent") == FILES
    assert "Next: cd 'a new/agent' && loopwright run" in capsys.readouterr().err


def test_a_file_in_the_way_is_an_error_of_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "evals").write_text("")
    assert main(["init"]) == 64
    assert capsys.readouterr().err.splitlines()[-1].startswith("loopwright: evals/suite.schema.json: cannot be made")


def test_the_settings_file_names_every_setting_and_changes_none_but_the_target(project: Path) -> None:
    (project / "loopwright.toml").write_text(toml(TARGET))
    settled = load(file=project / "loopwright.toml", environ={})
    assert dict(settled.values) == {"target.url": TARGET}
    shown = "\n".join(line.removeprefix("# ") for line in toml(TARGET).splitlines() if line.startswith("[") or " = " in line)
    flat = {f"{section}.{key}": value for section, rows in tomllib.loads(shown).items() for key, value in rows.items()}
    assert flat == {row.name: row.default for row in SETTINGS} | {"target.url": TARGET}


def test_the_ci_files_are_yaml_with_the_commands(project: Path) -> None:
    main(["init"])
    main(["init", "--ci", "gitlab"])
    github = yaml.safe_load((project / ".github/workflows/loopwright.yml").read_text())
    script = "".join(step.get("run", "") + "\n" for step in github["jobs"]["gate"]["steps"])
    for command in (
        "loopwright run --exit-zero",
        "loopwright run --repeat",
        "loopwright gate --format github --summary",
        'loopwright gate --establish --extend --by "$GITHUB_ACTOR"',
    ):
        assert command in script
    gitlab = yaml.safe_load((project / "loopwright.gitlab-ci.yml").read_text())
    assert gitlab["loopwright-gate"]["script"][-1].startswith(
        "loopwright gate --html .loopwright/gate.html --junit .loopwright/gate.xml"
    )
    repeats = next(line for line in gitlab["loopwright-gate"]["script"] if "loopwright run --repeat" in line)
    assert repeats in gitlab["loopwright-baseline"]["script"]
    assert gitlab[".loopwright"]["artifacts"]["reports"] == {"junit": ".loopwright/gate.xml"}
    assert gitlab["loopwright-baseline"]["script"][-1].startswith(
        'loopwright gate --establish --extend --by "$GITLAB_USER_LOGIN"'
    )


def test_the_hook_may_be_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--hook", "--format", "json"]) == 0
    assert ".githooks/pre-push" in json.loads(capsys.readouterr().out)["created"]
    hook = project / ".githooks/pre-push"
    assert os.access(hook, os.X_OK)
    assert not os.access(project / "loopwright.toml", os.X_OK)
    assert subprocess.run(["sh", "-n", str(hook)], check=False).returncode == 0


def test_the_examples_do_not_come_back_beside_an_agent_of_ones_own(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    toml = Path("loopwright.toml")
    toml.write_text(toml.read_text().replace("python:agent_example:answer", "python:my_agent:answer"))
    Path("agent_example.py").unlink()
    Path("evals/first_cases.yaml").unlink()
    assert main(["init", "--ci", "none", "--hook"]) == 0
    assert not Path("agent_example.py").exists()
    assert not Path("evals/first_cases.yaml").exists()
    assert Path(".githooks/pre-push").exists()
