"""A conversation that is imported again with more in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main

FIRST = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
MORE = [*FIRST, {"role": "user", "content": "more"}, {"role": "assistant", "content": "ok"}]
OTHER = [{"role": "user", "content": "something else"}]


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Imports these records; returns the exit code, what was said, and what is stored: how many messages, and verdicts."""

    def run(*records: dict[str, Any]) -> tuple[int, str, tuple[int, list[Any]]]:
        (project / "x.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        code = main(["import", "x.jsonl"])
        said = capsys.readouterr()
        assert main(["traces", "show", "a", "--format", "json"]) == 0
        trace = json.loads(capsys.readouterr().out)
        verdicts = [(verdict["value"], verdict["comment"]) for verdict in trace["feedback"]]
        return code, said.out + said.err, (len(trace["messages"]), verdicts)

    return run


def test_a_conversation_that_went_on_takes_the_place_of_what_was_stored_and_keeps_its_feedback(run: Any):
    assert run({"id": "a", "messages": FIRST, "feedback": True})[0] == 0
    assert run({"trace_id": "a", "feedback": {"thumb": "down", "comment": "by itself"}})[0] == 0
    code, report, told = run({"id": "a", "messages": MORE})
    assert (code, told) == (0, (4, [(True, ""), (False, "by itself")]))
    assert "1 went on since they were stored" in report
    for earlier in (MORE, FIRST):
        code, report, again = run({"id": "a", "messages": earlier})
        assert (code, "1 were in the store already, unchanged" in report, again) == (0, True, told)


def test_the_same_conversation_with_a_verdict_on_it_now(run: Any):
    run({"id": "a", "messages": FIRST})
    for _ in range(2):
        code, _, told = run({"id": "a", "messages": FIRST, "feedback": {"thumb": "down", "comment": "late"}})
        assert (code, told) == (0, (2, [(False, "late")]))


@pytest.mark.parametrize("record", [{"messages": OTHER}, {"messages": FIRST, "version": "v2"}])
def test_another_conversation_under_the_id_is_refused(run: Any, record: dict[str, Any]):
    run({"id": "a", "messages": FIRST})
    code, report, told = run({"id": "a", **record})
    assert (code, told) == (64, (2, []))
    assert "id in the store with other content" in report


def test_a_file_to_which_the_conversation_is_written_again_as_it_goes_on(run: Any):
    code, report, told = run({"id": "a", "messages": FIRST}, {"id": "a", "messages": MORE}, {"id": "a", "messages": MORE})
    assert (code, told[0]) == (64, 4)
    assert "duplicate id 1" in report
    code, _, told = run({"id": "a", "messages": FIRST}, {"id": "a", "messages": MORE + OTHER})
    assert (code, told[0]) == (0, 5)
    code, _, told = run({"id": "a", "messages": OTHER}, {"id": "a", "messages": FIRST + OTHER})
    assert (code, told[0]) == (64, 5)
