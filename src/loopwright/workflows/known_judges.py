"""What is known of the judges of some results: their calibrations over time, and later verdicts on the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from loopwright.collect.intake import Rejected, place
from loopwright.errors import InputError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.judged_sides import Judges
from loopwright.judge.exchange import read_pair, read_verdict
from loopwright.judge.periods import Period, periods
from loopwright.judge.verdict import Label, Verdict, result_item
from loopwright.ports import RecordReader, Store

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def judges_of(store: Store, results: Sequence[EvalResult]) -> Judges:
    """What the store knows of those who judged these results.

    A judge's calibrations are of the traces that people labelled, and of the results themselves where these are labelled.
    """
    ids = {row.judge_id for row in results if row.judge_id is not None}
    if not ids:
        return Judges()
    times = {run.run_id: run.finished_at or run.started_at for run in store.runs()}
    items = {result_item(row.run_id, row.eval_id, row.trial): row for row in results if row.judge_id is not None}
    given = [verdict for verdict in store.verdict_history() if verdict.judge_id in ids]
    own = [
        Verdict(item_id, row.judge_id or "", row.passed, at=row.judged_at or times.get(row.run_id))
        for item_id, row in items.items()
    ]
    again = tuple(verdict for verdict in given if verdict.item_id in items)
    return Judges(tuple(periods([*own, *given], store.labels())), times, again)


def periods_known(store: Store) -> list[Period]:
    """The calibrations of every judge by what people labelled, each judge's in order of time."""
    return periods(store.verdict_history(), store.labels())


def read_judges(reader: RecordReader, path: str) -> Judges:
    """A file of verdicts beside labels: `{"item_id","human","judge","judge_id","at"}` a line; raises `InputError`."""
    verdicts: list[Verdict] = []
    labels: list[Label] = []
    for found in reader.read(path):
        if isinstance(found, Rejected):
            raise InputError(found.problem, source=found.source, line=found.line, cure=found.cure)
        line, record = found
        pair, verdict = read_pair(record, place(path), line), read_verdict(record, place(path), line)
        if not verdict.judge_id:
            cure = "give the judge's id, as in the results' judge_id"
            raise InputError("judge_id is missing", source=place(path), line=line, cure=cure)
        verdicts.append(verdict)
        if pair.human is not None:
            labels.append(Label(pair.item_id, pair.human, "", verdict.at or _LONG_AGO))
    return Judges(tuple(periods(verdicts, labels)))
