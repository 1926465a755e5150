from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from builders import assistant, failure, mode, signal, tool_call, tool_result, trace, user
from loopwright import wiring
from loopwright.cluster.mode import Membership, ModeStatus
from loopwright.errors import UsageError
from loopwright.evaluate.case import CaseStatus
from loopwright.mine.signal import Where
from loopwright.settings import Settings
from loopwright.surfaces.cli.main import main
from loopwright.workflows.drafting import Drafted, draft_from_store

MESSAGES = (
    user("Refund order 17, I am ada@example.com"),
    assistant(None, tool_call("refund", order="17")),
    tool_result("Error: order 17 not found"),
    assistant("Sorry."),
)


@pytest.fixture
def folder(project: Path) -> Path:
    """A store with two open modes of two failures each, one rejected mode and one one-off."""
    ids = ("a1", "a2", "b1", "b2", "c1", "d1")
    found = signal(where=Where(message_index=2))
    with wiring.store(Settings(folder=project)) as store:
        store.put_traces([trace(*MESSAGES, id=id) for id in ids if id != "b1"])
        store.replace_failures([failure(id, signals=(found,)) for id in ids])
        store.put_modes(
            [mode("mode-a", representatives=("a2",)), mode("mode-b"), mode("mode-c", status=ModeStatus.REJECTED)],
            [Membership(id, f"mode-{id[0]}" if id != "d1" else None, 0.9) for id in ids],
        )
    return project


def run(folder: Path, **options: object) -> Drafted:
    settings = Settings(folder=folder)
    evals = folder / "evals"
    with wiring.store(settings) as store:
        step = draft_from_store(store, wiring.suite_files(settings), str(evals), has_suite=evals.exists(), **options)  # type: ignore[arg-type]
        return asyncio.run(step)


def test_every_open_mode_gets_a_draft_in_a_file_and_in_the_store(folder: Path) -> None:
    drafted = run(folder)

    assert [c.mode_id for c in drafted.cases] == ["mode-a", "mode-b"]
    assert drafted.cases[0].source_trace_ids == ("a2", "a1")
    assert all(c.fails_on_source for c in drafted.cases)
    assert sorted(Path(f).name for f in drafted.files) == ["mode-a.yaml", "mode-b.yaml"]
    assert "ada@example.com" not in "".join(Path(f).read_text() for f in drafted.files)
    with wiring.store(Settings(folder=folder)) as store:
        assert {c.mode_id for c in store.cases(CaseStatus.DRAFT)} == {"mode-a", "mode-b"}
    assert run(folder).files == drafted.files


def test_an_approved_case_covers_its_mode_and_an_edited_draft_is_kept(folder: Path) -> None:
    a, b = run(folder).cases
    wiring.suite_files(Settings()).append(replace(a, status=CaseStatus.APPROVED), str(folder / "evals"))
    edited = folder / "evals" / "drafts" / "mode-b.yaml"
    edited.write_text(edited.read_text() + "# mine\n")

    drafted = run(folder)
    assert (drafted.covered, drafted.files, [c.id for c in drafted.kept]) == (("mode-a",), (), [b.id])
    assert edited.read_text().endswith("# mine\n")


def test_one_mode_may_be_named_and_an_unknown_one_is_refused(folder: Path) -> None:
    assert [c.mode_id for c in run(folder, modes=["mode-c"]).cases] == ["mode-c"]
    with pytest.raises(UsageError, match="unknown failure mode 'mode-x'; did you mean 'mode-"):
        run(folder, modes=["mode-x"])


def test_without_modes_the_next_step_is_told(project: Path) -> None:
    with pytest.raises(UsageError, match="run: loopwright cluster"):
        run(project)


def test_the_command_prints_drafts_as_json_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draft", "--format", "json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["mode_id"] for line in lines] == ["mode-a", "mode-b"]
    assert not (folder / "evals").exists()

    assert main(["draft"]) == 0
    told = capsys.readouterr()
    assert told.out.count("admitted") == 2
    assert "2 draft files" in told.err
