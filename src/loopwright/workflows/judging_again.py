"""Asking a judge again: about what people labelled, to see whether it drifted, and about the baseline's stored answers.

Nothing is overwritten: verdicts are added, and the gate takes those that were measured as the candidate was.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from loopwright.effects import TargetReply
from loopwright.errors import UsageError
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.judging import criteria_of, judge_answer
from loopwright.evaluate.result import EvalResult
from loopwright.gate.policy import Policy
from loopwright.judge.rubric import TRACE_RUBRIC
from loopwright.judge.verdict import Verdict, result_item
from loopwright.ports import Progress, Store
from loopwright.workflows.history import history_of
from loopwright.workflows.judging import Bench, Judged, Question, judge_each, question

RECENT = timedelta(days=1)
"""What was asked again within this time is not asked once more: a round that was cut short goes on."""


@dataclass(frozen=True, slots=True)
class Again:
    """What was asked again. `left_out` are results that cannot be: their case is not in the suite as it was, or has no rubric."""

    judged: Judged
    left_out: int = 0


async def judge_labelled(store: Store, bench: Bench, budget_usd: float, progress: Progress) -> Again:
    """Judge what people labelled once more, each trace by the criteria by which it was judged before."""
    criteria = {v.item_id: tuple(c.criterion for c in v.criteria) for v in store.verdicts() if v.criteria}
    labelled = list(dict.fromkeys(label.item_id for label in store.labels()))
    traces = [trace for item_id in labelled if (trace := store.trace(item_id)) is not None]
    if not traces:
        raise UsageError("nothing that people labelled is stored; begin with: loopwright judge label")
    fresh = _fresh(store, bench)
    waiting = [trace for trace in traces if trace.trace_id not in fresh]
    asked = [question(trace, criteria.get(trace.trace_id, TRACE_RUBRIC), bench) for trace in waiting]
    judged = await judge_each(asked, budget_usd, bench, store.put_verdicts, progress)
    return Again(replace(judged, traces=len(traces), sample=len(traces), known=len(traces) - len(waiting)))


async def judge_baseline(
    store: Store, cases: Collection[EvalCase], bench: Bench, by: str, policy: Policy, budget_usd: float, progress: Progress
) -> Again:
    """Judge the baseline's stored answers with the judge of now, and note in the audit trail who had that done.

    Only answers that a judge decided before are asked about, and only of cases that are in the suite as they were.
    """
    known = history_of(store, policy, None)
    rows = [row for row in known.results if row.judge_id is not None]
    if not rows:
        raise UsageError("no judge decided anything in the baseline; loopwright gate --establish makes one of a judged run")
    by_digest = {case.content_digest: case for case in cases if criteria_of(case)}
    able = [(row, by_digest[row.case_digest]) for row in rows if row.case_digest in by_digest]
    fresh = _fresh(store, bench)
    waiting = [(row, case) for row, case in able if _item(row) not in fresh]
    asked = [_asked(row, case, bench) for row, case in waiting]
    judged = await judge_each(asked, budget_usd, bench, store.put_verdicts, progress)
    if judged.verdicts:
        details = {"runs": list(known.run_ids), "verdicts": len(judged.verdicts), "cost_usd": judged.cost_usd}
        store.append_audit(bench.clock.now(), by, "baseline judged again", bench.judge.judge_id, details)
    whole = replace(judged, traces=len(able), sample=len(able), known=len(able) - len(waiting))
    return Again(whole, len(rows) - len(able))


def _asked(row: EvalResult, case: EvalCase, bench: Bench) -> Question:
    return judge_answer(bench.judge, _item(row), case, TargetReply(output=row.output, messages=row.messages))


def _item(row: EvalResult) -> str:
    return result_item(row.run_id, row.eval_id, row.trial)


def _fresh(store: Store, bench: Bench) -> set[str]:
    """What this judge was asked about again lately."""
    now: datetime = bench.clock.now()
    found: Sequence[Verdict] = store.verdicts(bench.judge.judge_id)
    return {v.item_id for v in found if v.passed is not None and v.at is not None and now - v.at < RECENT}
