"""Quarantine: a flaky case goes on being run, shown and counted, but does not hold up a release by itself, for a while.

Only what is said of the case alone is set aside: that it was solved and is lost, that one failure is proof. In the evidence of
its mode and of the suite it counts as before, so that a real drop behind a quarantine still shows there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from loopwright.collect.intake import shown
from loopwright.collect.times import moment
from loopwright.errors import InputError, RecordError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import GateDecision
from loopwright.gate.tally import is_pass
from loopwright.wording import counted


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A case in quarantine until a time: who owns its mending, why, and who decided it when.

    With `lifted`, the entry ends the quarantine before its time; `why` then says why that is.
    """

    eval_id: str
    owner: str
    why: str
    until: datetime
    by: str
    at: datetime
    lifted: bool = False


def in_force(entries: Iterable[Quarantine], now: datetime) -> dict[str, Quarantine]:
    """The quarantines that hold at `now`, by case. Of several entries on a case the last counts."""
    return {id: entry for id, entry in _latest(entries).items() if not entry.lifted and entry.until > now}


def lapsed(entries: Iterable[Quarantine], now: datetime) -> dict[str, Quarantine]:
    """The quarantines that ended by themselves, and that nobody renewed or removed since."""
    return {id: entry for id, entry in _latest(entries).items() if not entry.lifted and entry.until <= now}


def with_quarantine(
    decision: GateDecision,
    baseline: Sequence[EvalResult],
    candidate: Sequence[EvalResult],
    entries: Sequence[Quarantine],
    now: datetime,
) -> GateDecision:
    """The decision with what is in quarantine in its `statistics["quarantined"]`, and with a note on what lapsed.

    Cases that neither side holds are left out.
    """
    if not entries:
        return decision
    before, after = _counts(baseline), _counts(candidate)
    compared = before.keys() | after.keys()
    rows: list[dict[str, Any]] = [
        {
            "eval_id": id,
            "owner": entry.owner,
            "why": entry.why,
            "until": entry.until.isoformat(),
            "by": entry.by,
            "before": before.get(id, [0, 0]),
            "after": after.get(id, [0, 0]),
        }
        for id, entry in sorted(in_force(entries, now).items())
        if id in compared
    ]
    over = [entry for id, entry in sorted(lapsed(entries, now).items()) if id in compared]
    if not rows and not over:
        return decision
    failing = [row for row in rows if row["after"][0] < row["after"][1]]
    notes = [_told_failing(failing)] if failing else []
    notes += [
        f"the quarantine of {e.eval_id} (owner {e.owner}) ended on {e.until:%Y-%m-%d}, and the case counts for itself again"
        for e in over
    ]
    return replace(decision, statistics=decision.statistics | {"quarantined": rows}, notes=(*decision.notes, *notes))


def read_quarantine(record: Mapping[str, Any], source: str = "", line: int = 0) -> Quarantine:
    """An entry from one line of a file; raises `InputError` naming file, line, field, value and cure."""
    for name in ("eval_id", "owner", "why", "until", "by"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            problem = f"{name} is {shown(record[name])}" if name in record else f"{name} is missing"
            raise InputError(problem, source=source, line=line, cure=f"give {name} as text: who, why, until when")
    lifted = record.get("lifted", False)
    if not isinstance(lifted, bool):
        raise InputError(f"lifted is {shown(lifted)}", source=source, line=line, cure="give true or false")
    try:
        until, at = moment(record["until"], "until"), moment(record.get("at"), "at")
    except RecordError as error:
        raise InputError(error.problem, source=source, line=line, cure=error.cure) from None
    if until is None:
        raise InputError("until is empty", source=source, line=line, cure="give the day on which the quarantine ends")
    return Quarantine(record["eval_id"], record["owner"], record["why"], until, record["by"], at or until, lifted)


def quarantine_record(entry: Quarantine) -> dict[str, Any]:
    """The entry as a line of a file."""
    told = {"eval_id": entry.eval_id, "owner": entry.owner, "why": entry.why, "until": entry.until.isoformat()}
    return told | {"by": entry.by, "at": entry.at.isoformat()} | ({"lifted": True} if entry.lifted else {})


def _latest(entries: Iterable[Quarantine]) -> dict[str, Quarantine]:
    return {entry.eval_id: entry for entry in entries}


def _counts(results: Iterable[EvalResult]) -> dict[str, list[int]]:
    counts: dict[str, list[int]] = {}
    for row in results:
        count = counts.setdefault(row.eval_id, [0, 0])
        count[0] += is_pass(row)
        count[1] += 1
    return counts


def _told_failing(rows: Sequence[Mapping[str, Any]]) -> str:
    few = ", ".join(f"{row['eval_id']} (until {row['until'][:10]}, owner {row['owner']})" for row in rows[:3])
    more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
    themselves = "itself" if len(rows) == 1 else "themselves"
    return f"{counted(len(rows), 'case')} in quarantine failed, and did not count for {themselves}: {few}{more}"
