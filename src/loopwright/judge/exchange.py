"""The judge's exchange formats, a line an item: verdicts, and labels beside verdicts; and the one object of a calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from loopwright.collect.intake import shown
from loopwright.collect.times import moment
from loopwright.errors import InputError, RecordError
from loopwright.judge.calibrate import Calibration, Pair
from loopwright.judge.verdict import CriterionVerdict, Label, Verdict
from loopwright.stats.agreement import Estimate

_ESTIMATES = ("agreement", "kappa", "tpr", "tnr", "informedness", "pass_rate_raw", "pass_rate_corrected", "pass_rate_sampled")


def read_pair(record: Mapping[str, Any], source: str = "", line: int = 0) -> Pair:
    """`{"item_id","human"?,"judge"}`; other fields are left alone. `judge` null is no verdict, `human` null no label.

    Raises `InputError` naming file, line, field and value.
    """
    item_id = _item_id(record, source, line)
    if "judge" not in record:
        raise InputError("judge is missing", source=source, line=line, cure="give true, false, or null where there is no verdict")
    return Pair(item_id, _truth(record, "judge", source, line), _truth(record, "human", source, line))


def one_each(pairs: Iterable[tuple[Pair, str, int]]) -> list[Pair]:
    """Items once, each with its source and line: of several people's labels of one item the majority counts, a tie is no label.

    Raises `InputError` where one item has two verdicts.
    """
    verdicts: dict[str, tuple[bool | None, str, int]] = {}
    said: dict[str, list[bool]] = {}
    for pair, source, line in pairs:
        held = verdicts.setdefault(pair.item_id, (pair.judge, source, line))
        if held[0] is not pair.judge:
            raise InputError(
                f"item {shown(pair.item_id)} has another verdict in line {held[2]}",
                source=source,
                line=line,
                cure="calibrate one judge at a time, and give each judged item an id of its own",
            )
        said.setdefault(pair.item_id, []).extend([] if pair.human is None else [pair.human])
    return [Pair(item_id, judge, majority(said[item_id])) for item_id, (judge, _, _) in verdicts.items()]


def majority(labels: Iterable[bool]) -> bool | None:
    """What most people say; None where there are none, or as many say the other."""
    counts = Counter(labels)
    return None if counts[True] == counts[False] else counts[True] > counts[False]


def join(verdicts: Iterable[Verdict], labels: Iterable[Label]) -> list[Pair]:
    """One judge's verdicts, each item once, with what people said of the items."""
    said: dict[str, list[bool]] = {}
    for label in labels:
        said.setdefault(label.item_id, []).append(label.passed)
    return [Pair(v.item_id, v.passed, majority(said.get(v.item_id, ()))) for v in verdicts]


def read_label(record: Mapping[str, Any], source: str = "", line: int = 0) -> tuple[str, bool, str] | None:
    """`{"item_id","human","note"?}` as (item id, passed, note); None for a line without a label. Raises `InputError`."""
    item_id = _item_id(record, source, line)
    human = _truth(record, "human", source, line)
    note = record.get("note") or ""
    if not isinstance(note, str):
        raise InputError(f"note is {shown(note)}", source=source, line=line, cure="give text")
    return None if human is None else (item_id, human, note)


def verdict_record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the line that `judge run` prints; with `human` added it is a line for `judge calibrate`."""
    return {
        "item_id": verdict.item_id,
        "judge": verdict.passed,
        "judge_id": verdict.judge_id,
        "model": verdict.model,
        "score": verdict.score,
        "criteria": [{"criterion": c.criterion, "passed": c.passed, "reason": c.reason} for c in verdict.criteria],
        "rubric": verdict.rubric,
        "cost_usd": verdict.cost_usd,
        "error": verdict.error,
        "at": verdict.at.isoformat() if verdict.at is not None else None,
    }


def read_verdict(record: Mapping[str, Any], source: str = "", line: int = 0) -> Verdict:
    """A line that `verdict_record` made, or at its least `{"item_id","judge"}`; raises `InputError`."""
    pair = read_pair(record, source, line)
    rows = record.get("criteria") or []
    if not isinstance(rows, list) or not all(_is_criterion(row) for row in rows):
        expected = 'give a list of {"criterion", "passed", "reason"}'
        raise InputError(f"criteria is {shown(record['criteria'])}", source=source, line=line, cure=expected)
    criteria = tuple(CriterionVerdict(row["criterion"], row["passed"], row.get("reason") or "") for row in rows)
    texts = {name: record.get(name) or "" for name in ("judge_id", "model", "rubric", "error")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise InputError(f"{name} is {shown(value)}", source=source, line=line, cure="give text")
    try:
        at = moment(record.get("at"), "at")
    except RecordError as wrong:
        raise InputError(wrong.problem, source=source, line=line, cure=wrong.cure) from None
    return Verdict(
        pair.item_id,
        texts["judge_id"] or texts["model"],
        pair.judge,
        criteria,
        texts["rubric"],
        texts["model"],
        error=texts["error"] or None,
        at=at,
    )


def calibration_record(calibration: Calibration) -> dict[str, Any]:
    """The calibration as the one object that `judge calibrate --format json` prints."""
    return {
        "n": calibration.n,
        "judged": calibration.judged,
        "no_verdict": calibration.no_verdict,
        **{name: _estimate(getattr(calibration, name)) for name in _ESTIMATES},
        "usable": calibration.usable,
        "why": calibration.why,
    }


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _item_id(record: Mapping[str, Any], source: str, line: int) -> str:
    item_id = record.get("item_id")
    if type(item_id) is int:
        return str(item_id)
    if not isinstance(item_id, str) or not item_id.strip():
        problem = "item_id is missing" if item_id is None else f"item_id is {shown(item_id)}"
        raise InputError(problem, source=source, line=line, cure="give the item's id, as text")
    return item_id


def _truth(record: Mapping[str, Any], name: str, source: str, line: int) -> bool | None:
    value = record.get(name)
    if value is not None and type(value) is not bool:
        raise InputError(f"{name} is {shown(value)}", source=source, line=line, cure="give true, false, or null")
    return value


def _is_criterion(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("criterion"), str)
        and type(row.get("passed")) is bool
        and isinstance(row.get("reason") or "", str)
    )
