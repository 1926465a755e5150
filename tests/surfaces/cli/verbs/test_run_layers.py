"""Which layers a change calls for, what they cost, and a budget that holds: `loopwright run` on real repositories."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from loopwright import wiring
from loopwright.evaluate.sealed import SHARE, sealed_ids
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.surfaces.cli.main import main

AGENT = """
def answer(given):
    return {"output": given, "cost_usd": 0.25}
"""
LAYERS = {"deterministic": 12, "semantic": 4, "behavioral": 2}


@pytest.fixture
def work(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    rows = [
        f"  - {{id: {layer[:3]}{n}, layer: {layer}, input: q{n}, checks: [{{type: contains, value: q}}]}}\n"
        for layer, count in LAYERS.items()
        for n in range(count)
    ]
    files = {
        "agent.py": AGENT,
        "prompts/system.md": "Be kind.\n",
        "evals/cases.yaml": "cases:\n" + "".join(rows),
        "loopwright.toml": '[target]\nurl = "python:agent:answer"\n',
        ".gitignore": ".loopwright/\n__pycache__/\n",
    }
    for name, text in files.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    for arguments in (["init", "--quiet"], ["config", "user.name", "Ann"], ["config", "user.email", "ann@example.org"]):
        git(project, *arguments)
    commit(project)
    return project


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def commit(folder: Path, file: str = "", text: str = "") -> None:
    if file:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", file or "first")


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["run", *args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def opened(folder: Path) -> Store:
    return wiring.store(load(start=folder, environ={}))


def ran(folder: Path) -> list[str]:
    """The layers of the latest run."""
    with opened(folder) as store:
        found = {result.layer for result in store.results(store.runs()[-1].run_id)}
    return [layer for layer in LAYERS if layer in found]


def test_a_change_is_met_with_the_layers_that_it_calls_for(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = run(capsys, "--changed")
    assert (code, ran(work)) == (0, list(LAYERS))
    assert "no earlier run tells" in said
    assert main(["gate", "--establish"]) == 0

    commit(work, "agent.py", AGENT + "\n# a comment\n")
    _, _, said = run(capsys, "--changed")
    assert ran(work) == ["deterministic"]
    assert "only the code changed since the baseline" in said
    assert main(["gate"]) == 0
    assert "Only the deterministic layer was compared" in capsys.readouterr().out

    commit(work, "prompts/system.md", "Be brief.\n")
    run(capsys, "--changed")
    assert ran(work) == ["deterministic", "semantic"]
    commit(work, "harness.toml", "")
    _, _, said = run(capsys, "--changed")
    assert ran(work) == ["deterministic", "semantic"]
    assert "prompt and harness changed" in said

    git(work, "tag", "v2")
    _, _, said = run(capsys, "--changed")
    assert ran(work) == list(LAYERS)
    assert "it is release v2" in said
    with opened(work) as store:
        made_of = store.runs()[-1].fingerprint
    assert made_of is not None
    assert made_of.release == "v2"


def test_a_layer_that_is_asked_for_wins(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, said = run(capsys, "--changed", "--layer", "behavioral", "--release", "v9")
    assert ran(work) == ["behavioral"]
    assert "--layer says what is run" in said


def test_a_release_is_the_version_where_git_names_none(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "--release", "v9")
    shutil.rmtree(work / ".git")
    run(capsys, "--release", "v9")
    run(capsys, "--release", "v9", "--version", "mine")
    with opened(work) as store:
        versions = [held.version for held in store.runs()]
    assert len(versions[0]) >= 40
    assert versions[1:] == ["v9", "mine"]


def test_a_part_of_the_layers_does_not_join_the_baseline(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    assert main(["gate", "--establish"]) == 0
    commit(work, "agent.py", AGENT + "\n# a comment\n")
    run(capsys, "--changed")
    assert main(["gate", "--establish", "--extend"]) == 64
    assert "filtered with --changed" in capsys.readouterr().err


def test_since_a_commit_needs_no_store(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--out", "r.jsonl", "--config", "loopwright.toml"]
    commit(work, "agent.py", AGENT + "\n# a comment\n")
    _, _, said = run(capsys, "--since", "HEAD~1", *files)
    assert "deterministic: only the code changed since HEAD~1" in said
    (work / "prompts" / "new.md").write_text("not yet committed")
    _, _, said = run(capsys, "--since", "HEAD", *files, "--fresh")
    assert "deterministic and semantic: prompt changed since HEAD" in said
    (work / "prompts" / "new.md").unlink()
    (work / "prompts" / "system.md").unlink()
    _, _, said = run(capsys, "--since", "HEAD", *files, "--fresh")
    assert "prompt changed" in said
    assert not (work / ".loopwright").exists()
    code, _, said = run(capsys, "--since", "no-such-commit", *files)
    assert (code, "no commit 'no-such-commit'" in said) == (64, True)


def test_without_a_store_nothing_is_known_and_everything_is_run(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = run(capsys, "--changed", "--out", "r.jsonl", "--config", "loopwright.toml")
    assert code == 0
    assert "without a store no earlier run is known" in said
    assert len((work / "r.jsonl").read_text().splitlines()) == sum(LAYERS.values())


def test_files_are_gated_layer_by_layer(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", "loopwright.toml"]
    run(capsys, "--out", "b.jsonl", *config)
    run(capsys, "--out", "c.jsonl", "--layer", "deterministic", *config)
    both = ["gate", "--baseline", "b.jsonl", "--candidate", "c.jsonl"]
    assert main(both) == 2
    assert main([*both, "--layer", "deterministic"]) == 0
    assert "Only the deterministic layer was compared" in capsys.readouterr().out
    assert main(["gate", "--layer", "semantic"]) == 64


def test_a_budget_stops_the_run_and_a_larger_one_goes_on(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys)
    assert main(["gate", "--establish"]) == 0
    commit(work, "agent.py", AGENT + "\n# another\n")
    code, out, said = run(capsys, "--budget-usd", "1.1", "--exit-zero")
    assert code == 2
    assert "stopped with 14 of 18 trials not run" in said
    assert "4 of 12" in out
    assert main(["gate"]) == 2
    assert "stopped at its budget (4 of 18 trials within $1.10)" in capsys.readouterr().out

    code, _, said = run(capsys, "--budget-usd", "2")
    assert (code, "14 of 18" not in said) == (2, True)
    with opened(work) as store:
        spent = [result.cost_usd for result in store.results(store.runs()[-1].run_id)]
    assert spent == [0.25] * 8

    code, out, said = run(capsys)
    assert (code, "8 of 18 trials there already" in said) == (0, True)
    assert "$3.00" in out
    assert main(["gate"]) == 0


def test_the_first_trials_tell_what_a_trial_costs(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = run(
        capsys, "--budget-usd", "1", "--out", "r.jsonl", "--config", "loopwright.toml", "--layer", "deterministic"
    )
    assert code == 2
    assert "stopped with 8 of 12 trials not run" in said
    assert len((work / "r.jsonl").read_text().splitlines()) == 4


def test_an_agent_that_tells_no_cost_is_stopped_and_said_so(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = run(capsys, "--budget-usd", "1", "--target", 'command:"cat"', "--layer", "deterministic")
    assert (code, "the agent tells no cost" in said) == (2, True)


def test_what_a_run_will_take_is_told_without_running_it(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--estimate")[0] == 0
    assert not (work / ".loopwright").exists()
    run(capsys)
    before = len(runs(work))
    code, out, _ = run(capsys, "--estimate", "--trials", "3", "--format", "json")
    rows = {row["layer"]: row for row in map(json.loads, out.splitlines())}
    assert (code, len(runs(work))) == (0, before)
    assert {layer: (row["trials"], row["cost_usd"]) for layer, row in rows.items()} == {
        layer: (3 * count, 0.25 * 3 * count) for layer, count in LAYERS.items()
    }
    assert rows["semantic"]["target_seconds"] == 1800


def runs(folder: Path) -> list[Any]:
    with opened(folder) as store:
        return store.runs()


def test_what_took_too_long_is_said(work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPWRIGHT_RUN_TARGET_SEMANTIC", "0")
    _, out, _ = run(capsys)
    assert out.count("over its target") == 1
    assert out.count("within its target") == 2


def test_sealed_cases_are_run_and_marked(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = wiring.suite_files(load(start=work, environ={})).load(["evals"])
    code, out, said = run(capsys, "--format", "json", "--config", "loopwright.toml")
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["eval_id"] for row in rows if row.get("sealed")} == sealed_ids(suite, SHARE) != set()
    assert (code, len(rows)) == (0, sum(LAYERS.values()))
    assert "in the sealed" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--changed", "--since", "HEAD"], "give one of them"),
        (["--budget-usd", "-1"], "run.budget_usd is"),
        (["--repeat", "--estimate"], "are for whole runs"),
        (["--repeat", "--budget-usd", "1"], "are for whole runs"),
    ],
)
def test_wrong_usage(work: Path, capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    code, _, heard = run(capsys, *args)
    assert (code, said in heard) == (64, True)
