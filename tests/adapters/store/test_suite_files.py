from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builders import case
from loopwright.adapters.store.suite_files import SuiteFolder
from loopwright.errors import SuiteError
from loopwright.evaluate.case import CaseStatus, EvalCase
from loopwright.evaluate.suite import parse
from loopwright.evaluate.writing import render


def draft(id: str = "d1", **fields: object) -> EvalCase:
    return case(id, status=CaseStatus.DRAFT, mode_id="mode-1", input="line one\nline two", **fields)


def bare(found: EvalCase) -> EvalCase:
    return replace(found, file="", line=0)


def write(folder: Path, name: str, *ids: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render([case(id) for id in ids]))
    return file


def test_a_folder_is_read_with_those_below_in_order_and_hidden_ones_left_out(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "b1", "b2")
    write(tmp_path, "a.yml", "a1")
    write(tmp_path, "sub/c.yaml", "c1")
    write(tmp_path, ".hidden/d.yaml", "d1")
    write(tmp_path, ".e.yaml", "e1")
    (tmp_path / "notes.txt").write_text("no suite")

    suite = SuiteFolder().load([str(tmp_path)])
    assert [c.id for c in suite.cases] == ["a1", "b1", "b2", "c1"]
    assert suite.cases[2].file == str(tmp_path / "b.yaml")
    assert [c.id for c in SuiteFolder().load([str(tmp_path / "b.yaml"), str(tmp_path)]).cases] == ["b1", "b2", "a1", "c1"]


def test_a_duplicate_id_in_two_files_names_both(tmp_path: Path) -> None:
    one, two = write(tmp_path, "a.yaml", "same"), write(tmp_path, "b.yaml", "other", "same")
    with pytest.raises(SuiteError) as caught:
        SuiteFolder().load([str(tmp_path)])
    assert str(caught.value).startswith(f"{two}:7: case id 'same' stands already at {one}:2")


def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"cases:\n  - id: caf\xe9\n")
    with pytest.raises(SuiteError, match=r"bad.yaml:2: is not UTF-8: byte 0xe9; save it as UTF-8"):
        SuiteFolder().load([str(tmp_path)])
    with pytest.raises(SuiteError, match="there is no such file or folder; name a suite file"):
        SuiteFolder().load([str(tmp_path / "none")])


def test_an_empty_folder_is_an_empty_suite(tmp_path: Path) -> None:
    assert SuiteFolder().load([str(tmp_path)]).cases == ()


def test_drafts_are_written_one_file_per_mode_and_read_back(tmp_path: Path) -> None:
    other = replace(draft("d2"), mode_id="odd/../mode name")
    written = SuiteFolder().write_drafts([draft(), other], str(tmp_path / "drafts"))

    assert len(set(written)) == 2
    assert all(Path(file).parent == tmp_path / "drafts" for file in written)
    assert [bare(c) for c in parse(Path(written[0]).read_text(), "x")] == [draft()]
    assert "line one\n      line two" in Path(written[0]).read_text()
    assert SuiteFolder().load([str(tmp_path)]).cases == ()
    assert {c.id for c in SuiteFolder().load([str(tmp_path)], drafts=True).cases} == {"d1", "d2"}


def test_a_draft_is_renewed_until_a_person_changes_it(tmp_path: Path) -> None:
    files = SuiteFolder()
    (path,) = files.write_drafts([draft()], str(tmp_path))
    assert files.write_drafts([draft(severity=5)], str(tmp_path)) == [path]
    assert "severity: 5" in Path(path).read_text()

    Path(path).write_bytes(Path(path).read_bytes().replace(b"\n", b"\r\n"))
    assert files.write_drafts([draft(severity=4)], str(tmp_path)) == [path]

    edited = Path(path).read_text().replace("line two", "line three")
    Path(path).write_text(edited)
    assert files.write_drafts([draft(severity=2)], str(tmp_path)) == []
    assert Path(path).read_text() == edited


def test_an_approved_case_gets_a_file_and_its_untouched_draft_goes(tmp_path: Path) -> None:
    files = SuiteFolder()
    (drafted,) = files.write_drafts([draft()], str(tmp_path / "drafts"))
    approved = replace(draft(), status=CaseStatus.APPROVED, approved_by="Ada")

    path = files.append(approved, str(tmp_path))
    assert not Path(drafted).exists()
    assert [bare(c) for c in files.load([str(tmp_path)]).cases] == [approved]
    assert files.append(approved, str(tmp_path)) == path

    with pytest.raises(SuiteError, match="case id 'd1' is taken"):
        files.append(replace(approved, input="other"), str(tmp_path))


def test_a_draft_that_a_person_edited_stays_beside_the_approved_case(tmp_path: Path) -> None:
    files = SuiteFolder()
    (drafted,) = files.write_drafts([draft()], str(tmp_path / "drafts"))
    Path(drafted).write_text(Path(drafted).read_text() + "# mine\n")

    files.append(replace(draft(), status=CaseStatus.APPROVED), str(tmp_path))
    assert Path(drafted).exists()
    assert len(files.load([str(tmp_path)], drafts=True).cases) == 1


def test_a_rejected_draft_goes_and_one_that_a_person_edited_is_marked(tmp_path: Path) -> None:
    files = SuiteFolder()
    (gone,) = files.write_drafts([draft()], str(tmp_path / "drafts"))
    (edited,) = files.write_drafts([replace(draft("d2"), mode_id="m2")], str(tmp_path / "drafts"))
    Path(edited).write_text(Path(edited).read_text() + "# mine\n")
    before = Path(edited).read_text()

    assert files.withdraw("d1", str(tmp_path)) == [gone]
    assert files.withdraw("d2", str(tmp_path)) == [edited]
    assert not Path(gone).exists()
    assert Path(edited).read_text() == before.replace("status: draft", "status: rejected")
    assert files.load([str(tmp_path)], drafts=True).cases == ()
    assert files.withdraw("d2", str(tmp_path)) == []


def test_an_edited_draft_is_kept_from_drafting_and_goes_when_it_is_approved(tmp_path: Path) -> None:
    files = SuiteFolder()
    (path,) = files.write_drafts([draft()], str(tmp_path / "drafts"))
    (held,) = files.load([str(tmp_path)], drafts=True).cases
    edited = replace(held, severity=5)
    assert files.keep_edited(edited, str(tmp_path / "drafts")) == path
    assert files.write_drafts([draft()], str(tmp_path / "drafts")) == []
    assert bare(files.load([str(tmp_path)], drafts=True).cases[0]) == bare(edited)
    files.append(replace(edited, status=CaseStatus.APPROVED, approved_by="Ada"), str(tmp_path))
    assert not Path(path).exists()


def test_an_edited_draft_gets_a_file_of_its_own_and_never_takes_that_of_others(tmp_path: Path) -> None:
    files = SuiteFolder()
    assert Path(files.keep_edited(draft(), str(tmp_path))).name == "mode-1.yaml"
    two = write(tmp_path, "two.yaml", "d1", "d2")
    with pytest.raises(SuiteError, match="holds other cases too"):
        files.keep_edited(draft(file=str(two)), str(tmp_path))


def test_only_the_rejected_draft_of_a_file_is_marked(tmp_path: Path) -> None:
    first, second = (
        "{id: a, input: hi, status: draft, checks: [{type: contains, value: x}]}",
        "id: b\n    input: hi\n    status: draft",
    )
    rest = "\n    checks: [{type: contains, value: x}]\n"
    file = tmp_path / "mine.yaml"
    file.write_text(f"cases:\n  - {second}{rest}  - {second.replace('b', 'c', 1)}{rest}  - {first}\n")

    assert SuiteFolder().withdraw("b", str(tmp_path)) == [str(file)]
    assert [c.id for c in SuiteFolder().load([str(tmp_path)], drafts=True).cases] == ["c", "a"]
    with pytest.raises(SuiteError, match="draft 'a', which cannot be marked"):
        SuiteFolder().withdraw("a", str(tmp_path))


def test_appending_to_no_folder_makes_it(tmp_path: Path) -> None:
    path = SuiteFolder().append(case("a case: of/its own"), str(tmp_path / "evals"))
    assert Path(path).parent == tmp_path / "evals"
    assert len(SuiteFolder().load([str(tmp_path / "evals")]).cases) == 1
