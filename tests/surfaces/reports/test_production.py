from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from loopwright.audit.trail import Break, Recorded, Trail
from loopwright.gate.override import OverrideRate
from loopwright.release.effect import Verdict
from loopwright.surfaces.reports.failures import FailureRows
from loopwright.surfaces.reports.page import render
from loopwright.surfaces.reports.production import broken, drift_rows, entry_rows
from loopwright.surfaces.reports.releases import effect_rows, release_rows
from loopwright.watch.finding import AcceptedInputs, DriftKind
from loopwright.workflows.analysis import Analysis, Kept

Make = Callable[..., Analysis]
AT = datetime(2026, 2, 9, tzinfo=UTC)


def kept_of(made: Analysis) -> Kept:
    assert made.kept is not None
    return made.kept


def section(html: str, name: str) -> str:
    return html.split(f'<section aria-labelledby="{name}">')[1].partition("</section>")[0].replace("\u00a0", " ")


def test_files_have_none_of_it(analysis: Make) -> None:
    html = render(analysis())
    for name in ("releases", "production", "trail"):
        assert f'id="{name}"' not in html


def test_an_empty_store_says_of_each_that_there_is_none_and_what_fills_it(whole: Make) -> None:
    html = render(replace(whole(), kept=Kept(), proposals=()))
    assert "No release is recorded." in section(html, "releases")
    assert "loopwright release record VERSION" in section(html, "releases")
    assert "No drift is recorded." in section(html, "production")
    assert section(html, "production").count("none recorded") == 4
    assert "loopwright watch" in section(html, "production")
    assert "Nobody decided anything yet." in section(html, "trail")


def test_how_many_decisions_were_overridden_is_told_beside_the_trail(whole: Make) -> None:
    made = whole()
    told = replace(kept_of(made), overrides=OverrideRate(0, 3, 0.0, 0.708))
    shown = section(render(replace(made, kept=told)), "trail")
    assert "Of the gate&#39;s decisions" not in section(render(made), "trail")
    assert "0 of 3 decisions overridden so far (0 %, 95 % interval 0 % to 70.8 %)." in shown


def test_the_drifts_are_told_apart_each_with_its_answer(whole: Make) -> None:
    kept = kept_of(whole("refunds"))
    titles = [rows.title for rows in drift_rows(kept)]
    assert titles == ["Distribution shift", "Edge-case accumulation", "Regression from improvement", "Business metrics"]
    shift, cases, regression, metric = (rows.findings[0] for rows in drift_rows(kept))
    assert shift.effect == "0.17 on a scale from 0 to 1"
    assert regression.effect == "+17.0 points"
    assert metric.effect == "+0.17"
    assert [command for command, _ in shift.responses] == [
        "loopwright watch sample --out new.jsonl",
        "loopwright release rollback refunds",
    ]
    assert [column.height for column in cases.weeks] == [22.5, 100.0]
    assert shift.weeks == ()
    assert (len(shift.traces), shift.more_traces) == (3, 2)


def test_what_was_found_comes_before_what_was_not(whole: Make) -> None:
    kept = kept_of(whole())
    only = replace(kept, findings=tuple(f for f in kept.findings if f.kind is DriftKind.BUSINESS_METRIC))
    assert drift_rows(only)[0].title == "Business metrics"


def test_older_findings_are_counted(whole: Make) -> None:
    kept = kept_of(whole())
    shift = kept.findings[0]
    many = tuple(replace(shift, period=str(i), summary=f"week {i}") for i in range(9))
    rows = drift_rows(replace(kept, findings=many))[0]
    assert [finding.summary for finding in rows.findings] == ["Week 8", "Week 7", "Week 6", "Week 5"]
    assert rows.older == 5


def test_what_people_answered_is_told(whole: Make) -> None:
    kept = kept_of(whole("refunds"))
    shift = replace(kept.findings[0], evidence={"current": ["2026-02-01T00:00:00+00:00", "2026-02-08T00:00:00+00:00"]})
    regression = replace(kept.findings[2], period="1.1")
    taken = AcceptedInputs(AT - timedelta(days=8), AT, "Ada", AT)
    answered = replace(kept, findings=(shift, regression), accepted=(taken,))
    answers = [rows.findings[0].answer for rows in drift_rows(answered) if rows.findings]
    assert answers == ["Ada took these inputs into the reference on 2026-02-09.", "1.1 was rolled back by refunds on 2026-02-09."]
    early = replace(taken, end=AT - timedelta(days=5))
    assert drift_rows(replace(answered, accepted=(early,)))[0].findings[0].answer == ""


def test_evidence_of_another_shape_is_left_out(whole: Make) -> None:
    kept = kept_of(whole())
    odd = tuple(replace(f, evidence={"weeks": 3, "current": "2026", "failures": None}, found_at=None) for f in kept.findings)
    assert all(not rows.findings[0].weeks and not rows.findings[0].answer for rows in drift_rows(replace(kept, findings=odd)))


def test_releases_stand_newest_first_on_their_grounds(whole: Make) -> None:
    made = whole("refunds")
    last, back, first = release_rows(kept_of(made))
    assert (last.stands, last.current, last.decision, last.message) == ("in use", True, "approved", "refunds")
    assert (back.stands, back.live) == ("rolled back by refunds: refunds", False)
    assert (first.stands, first.despite, first.decision) == ("replaced", "refunds", "")
    shown = section(render(made), "releases")
    assert "Released despite the gate: refunds" in shown
    assert 'href="#proposal-4"' in shown
    assert "Changed: prompt." in shown


def test_modes_that_fell_or_rose_are_told_and_the_others_folded(whole: Make) -> None:
    made = whole("refunds")
    found = effect_rows(made, FailureRows(made))
    assert found is not None
    assert [row.verdict for row in found.told] == ["fell", "fell", "rose"]
    assert [row.tone for row in found.told] == ["good", "good", "bad"]
    assert [row.href for row in found.told] == ["", "#mode-1", "#mode-2"]
    assert [row.name for row in found.unclear] == ["refunds"]
    assert found.verdict == "Failures of any kind fell. 1\u00a0mode fell and 1\u00a0mode rose."
    assert found.told[0].change == "−5.0 points"


def test_an_effect_that_cannot_be_trusted_or_compared_says_so(whole: Make) -> None:
    made = whole()
    kept = kept_of(made)
    assert kept.effect is not None
    doubted = replace(kept.effect, doubts=("3 failures are not grouped yet",))
    shown = section(render(replace(made, kept=replace(kept, effect=doubted))), "releases")
    assert "Nothing is called fallen or risen: 3 failures are not grouped yet." in shown
    unclear = replace(kept.effect, modes=tuple(replace(m, verdict=Verdict.UNCLEAR) for m in kept.effect.modes))
    shown = section(render(replace(made, kept=replace(kept, effect=unclear))), "releases")
    assert "No mode can be said to have become rarer or more frequent." in shown
    one_sided = replace(made, kept=replace(kept, effect=replace(kept.effect, after=0)))
    assert "has no conversations yet" in section(render(one_sided), "releases")


def test_a_whole_trail_is_called_whole_and_a_broken_one_broken(whole: Make) -> None:
    made = whole("Ada")
    kept = kept_of(made)
    shown = section(render(made), "trail")
    assert "8 entries in the decision trail." in shown
    assert "the chain is whole" in shown
    assert f"loopwright audit verify --head {kept.trail.head}" in shown
    assert [row.number for row in entry_rows(kept)] == [8, 7, 6, 5, 4, 3]
    bad = replace(kept, breaks=tuple(Break(i, "was changed <i>after</i> it was recorded") for i in range(1, 9)))
    assert broken(bad)[0] == "entry 1 was changed <i>after</i> it was recorded"
    shown = section(render(replace(made, kept=bad)), "trail")
    assert "The trail is broken" in shown
    assert "whole" not in shown
    assert "And 3 more breaks." in shown
    assert "&lt;i&gt;after" in shown


def test_an_entry_that_cannot_be_read_is_a_row(whole: Make) -> None:
    kept = replace(kept_of(whole()), trail=Trail((Recorded(1, "ab", None, "no JSON"),)))
    assert [row.action for row in entry_rows(kept)] == ["cannot be read as it was written"]
    assert "cannot be read as it was written" in render(replace(whole(), kept=kept))
