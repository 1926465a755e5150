from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from loopwright.examples.conversations.files import COUNT, conversations
from loopwright.surfaces.cli.main import main

PAGE = "loopwright-report.html"
STATIC = ("--embedder", "static")


def conversation(id: str, **more: object) -> str:
    call = {"id": "1", "type": "function", "function": {"name": "refund", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "I want my money back for booking B7"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "name": "refund", "content": "Error: booking not found"},
        {"role": "assistant", "content": "I am sorry, I could not find it."},
        {"role": "user", "content": "That is wrong, I said B7."},
    ]  # fmt: skip
    return json.dumps({"id": id, "messages": messages, **more})


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "traces.jsonl"
    path.write_text("\n".join(conversation(f"t{i}") for i in range(8)) + "\n", encoding="utf-8")
    return path


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_shipped_conversations_become_a_page(project, capsys):
    with conversations() as path:
        assert main(["analyze", path, *STATIC]) == 0
    told = capsys.readouterr()
    assert f"{COUNT} traces read" in told.out
    assert "failure mode" in told.out
    assert f"report: {PAGE}" in told.err
    html = (project / PAGE).read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert html.rstrip().endswith("</html>")
    assert 300_000 < len(html) < 3_000_000
    assert left(project) == {PAGE}


def test_json_is_one_object_and_no_page_unless_asked(file, project, capsys):
    assert main(["analyze", str(file), "--format", "json", *STATIC]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["traces"] == 8
    assert found["failing"]["count"] == 8
    parts = found["evidence"]
    assert parts["strong_or_fair"]["count"] == parts["strong"]["count"] + parts["fair"]["count"] == 8 - parts["weak"]["count"]
    assert found["failing"]["low"] <= found["failing"]["share"] <= found["failing"]["high"]
    assert found["modes"][0]["size"] == 8
    assert len(found["failures"]) == 8
    assert found["report"] is None
    assert left(project) == {"traces.jsonl"}
    assert main(["analyze", str(file), "--format", "json", "--out", "p.html", *STATIC]) == 0
    assert json.loads(capsys.readouterr().out)["report"] == "p.html"
    assert left(project) == {"traces.jsonl", "p.html"}


def test_what_the_harness_can_prevent_is_proposed(project, capsys):
    call = {"id": "1", "type": "function", "function": {"name": "refund", "arguments": '{"booking": "B7"}'}}
    again = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "name": "refund", "content": "Error: <b>no answer</b> in time"},
    ] * 6
    asks, ends = {"role": "user", "content": "I want my money back"}, {"role": "assistant", "content": "I could not."}
    fine = [asks, again[0], {**again[1], "content": "refunded"}, {"role": "assistant", "content": "Done."}]
    talks = {f"s{i}": [asks, *again, ends] for i in range(6)} | {f"f{i}": fine for i in range(20)}
    lines = (json.dumps({"id": id, "messages": talk}) for id, talk in talks.items())
    (project / "storms.jsonl").write_text("\n".join(lines))
    assert main(["analyze", "storms.jsonl", *STATIC]) == 0
    assert "retry_budget" in capsys.readouterr().out
    html = (project / PAGE).read_text(encoding="utf-8")
    assert "[guards.retry_budget]" in html
    assert "Error: &lt;b&gt;no answer&lt;/b&gt; in time" in html.split('id="proposals"')[1].split('id="next"')[0]
    assert main(["analyze", "storms.jsonl", "--format", "json", *STATIC]) == 0
    found = json.loads(capsys.readouterr().out)
    (storm,) = [p for p in found["proposals"] if p["kind"] == "retry_budget"]
    assert set(storm["evidence"]) == {f"s{i}" for i in range(6)}
    assert "releases" not in found
    assert left(project) == {"storms.jsonl", PAGE}


def test_good_lines_are_kept_bad_ones_counted_and_the_exit_is_64(file, project, capsys):
    file.write_text(file.read_text() + "{broken\n" + conversation("t0") + "\n", encoding="utf-8")
    assert main(["analyze", str(file), *STATIC]) == 64
    told = capsys.readouterr()
    assert "8 traces read" in told.out
    assert f"loopwright: {file}:9: malformed JSON" in told.err
    assert f"loopwright: {file}:10: duplicate id 't0'" in told.err
    html = (project / PAGE).read_text(encoding="utf-8")
    assert "Records that were refused" in html
    assert "duplicate id" in html


def test_an_empty_file_is_a_page_that_says_so(project, capsys):
    (project / "empty.jsonl").write_text("")
    assert main(["analyze", "empty.jsonl", *STATIC]) == 0
    assert "No traces were read, so nothing can be said." in capsys.readouterr().out
    assert "No traces were read" in (project / PAGE).read_text(encoding="utf-8")


def test_a_missing_file_is_one_line_and_nothing_is_written(project, capsys):
    assert main(["analyze", "nowhere.jsonl", *STATIC]) == 64
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "loopwright: nowhere.jsonl: no such file or folder; check the path; - reads standard input\n"
    assert left(project) == set()


@pytest.mark.parametrize(
    ("out", "said"), [("no/such/folder/p.html", "there is no folder"), (".", "is a folder; name a file in it")]
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(file, project, capsys, out, said):
    assert main(["analyze", str(file), "--out", out]) == 64
    assert said in capsys.readouterr().err
    assert left(project) == {"traces.jsonl"}


def test_the_page_is_replaced_whole_and_keeps_its_permissions(file, project, capsys):
    page = project / PAGE
    page.write_text("old")
    page.chmod(0o600)
    assert main(["analyze", str(file), *STATIC]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    if sys.platform != "win32":
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert left(project) == {"traces.jsonl", PAGE}


def test_a_write_that_fails_leaves_the_old_page(file, project, monkeypatch, capsys):
    (project / PAGE).write_text("old")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    assert main(["analyze", str(file), *STATIC]) == 64
    assert "No space left on device; name another place with --out" in capsys.readouterr().err
    assert (project / PAGE).read_text() == "old"
    assert left(project) == {"traces.jsonl", PAGE}


def test_hostile_text_in_the_terminal_is_shown_not_obeyed(project, capsys):
    hostile = "[bold red]\x1b[2J\x07 refund now"
    messages = [{"role": "user", "content": hostile}, {"role": "assistant", "content": "Error"}]
    records = [{"id": f"t{i}", "messages": messages, "feedback": {"thumb": "down", "comment": hostile}} for i in range(5)]
    (project / "t.jsonl").write_text("\n".join(json.dumps(record) for record in records))
    main(["analyze", "t.jsonl", *STATIC])
    told = capsys.readouterr()
    assert "\x1b[2J" not in told.out + told.err
    assert "\x07" not in told.out + told.err


def test_wrong_usage_is_64(file, capsys):
    assert main(["analyze"]) == 64
    assert main(["analyze", str(file), "--from", "chta"]) == 64
    assert "did you mean 'chat'?" in capsys.readouterr().err


def test_help_teaches(capsys):
    assert main(["analyze", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "For example: loopwright analyze conversations.jsonl.gz --open" in told


@pytest.mark.parametrize("named", ["traces.jsonl", "./traces.jsonl", "link.jsonl", "twin.jsonl"])
@pytest.mark.parametrize("read", ["traces.jsonl", "."])
def test_what_is_read_is_never_written_over(file, project, capsys, named, read):
    (project / "link.jsonl").symlink_to(file)
    os.link(file, project / "twin.jsonl")
    before = file.read_bytes()
    assert main(["analyze", read, "--out", named, *STATIC]) == 64
    assert "would be overwritten; name another file" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_a_link_to_a_page_stays_a_link(file, project, capsys):
    (project / "pages").mkdir()
    (project / "latest.html").symlink_to("pages/monday.html")
    assert main(["analyze", str(file), "--out", "latest.html", *STATIC]) == 0
    assert (project / "latest.html").is_symlink()
    assert (project / "pages" / "monday.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("command", [["analyze"], ["analyze", "--format", "json"], ["mine", "--format", "json", "--traces"]])
def test_a_file_without_records_is_told(project, capsys, command):
    (project / "empty.jsonl").write_text("")
    assert main([*command, "empty.jsonl"]) == 0
    assert "loopwright: no records in empty.jsonl" in capsys.readouterr().err.splitlines()
