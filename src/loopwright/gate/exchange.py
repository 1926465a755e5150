"""The gate's exchange format: a line a trial in, one object out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from loopwright.collect.intake import shown
from loopwright.collect.times import moment
from loopwright.errors import InputError, RecordError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import ComparedRun, GateDecision, Overridden, Regression


def read_result(record: Mapping[str, Any], source: str = "", line: int = 0) -> EvalResult:
    """One trial from one line; raises `InputError` naming file, line, field, value and cure.

    `eval_id`, `trial` and `passed` are needed; fields that the gate does not know are left alone.
    """
    plan = _plan(tuple(record), tuple(map(type, record.values())))
    if plan is None:
        raise _refused(record, source, line)
    for name, fits in plan.also:
        if not fits(record[name]):
            raise _refused(record, source, line)
    return msgspec.convert(record if plan.whole else {name: record[name] for name in plan.kept}, EvalResult)


class _Plan(NamedTuple):
    """What becomes of records of one shape: the fields that are kept, and what is asked of values beside their type.

    `whole` says that all fields are kept.
    """

    kept: tuple[str, ...]
    also: tuple[tuple[str, Callable[[Any], bool]], ...]
    whole: bool


@lru_cache(maxsize=256)
def _plan(names: tuple[str, ...], types: tuple[type, ...]) -> _Plan | None:
    """What to do with records that have these fields, of these types; None where there is something to refuse.

    The lines of a file are of few shapes, so that fields and types are looked at once and not line by line.
    """
    shape = dict(zip(names, types, strict=True))
    if any(name not in shape for name in _NEEDED):
        return None
    known = [name for name in names if name in _FIELDS]
    if any(shape[name] not in _FIELDS[name][0] for name in known):
        return None
    kept = tuple(name for name in known if shape[name] is not type(None) or name == "passed")
    return _Plan(kept, tuple((name, _ALSO[name]) for name in kept if name in _ALSO), kept == names)


def _refused(record: Mapping[str, Any], source: str, line: int) -> InputError:
    """What is wrong with a record that cannot be taken."""
    for name in _NEEDED:
        if name not in record:
            return InputError(f"{name} is missing", source=source, line=line, cure=f"give {_FIELDS[name][1]}")
    name = next(name for name, value in record.items() if name in _FIELDS and not _fits(name, value))
    return InputError(f"{name} is {shown(record[name])}", source=source, line=line, cure=f"give {_FIELDS[name][1]}")


def _fits(name: str, value: Any) -> bool:
    return type(value) in _FIELDS[name][0] and (name not in _ALSO or _ALSO[name](value))


def decision_record(decision: GateDecision) -> dict[str, Any]:
    """The decision as the one object that `loopwright gate --format json` prints."""
    outcome = decision.decision
    return {
        "decision": outcome.value if outcome is not None else None,
        "regressions": [_regression(r) for r in decision.regressions if isinstance(r, Regression)],
        "fixed": list(decision.fixed),
        "flaky": list(decision.flaky),
        "missing": list(decision.missing),
        "statistics": decision.statistics,
        "next": [{"eval_id": r.eval_id, "trials": r.trials, "repeat": r.repeat} for r in decision.next],
        "message": decision.message,
        "reasons": list(decision.reasons),
        "new_evals_queued": decision.new_evals_queued,
        "candidate": _run(decision.candidate) if decision.candidate is not None else None,
        "baseline": [_run(run) for run in decision.baseline],
        "commands": list(decision.commands),
        "notes": list(decision.notes),
        "decision_id": decision.decision_id,
        "override": _override(decision.override) if decision.override is not None else None,
    }


def _override(override: Overridden) -> dict[str, Any]:
    return {
        "override_ids": list(override.override_ids),
        "by": list(override.by),
        "why": list(override.why),
        "until": override.until.isoformat(),
        "eval_ids": list(override.eval_ids),
    }


def _run(run: ComparedRun) -> dict[str, Any]:
    finished = run.finished_at.isoformat() if run.finished_at is not None else None
    return {"run_id": run.run_id, "version": run.version, "finished_at": finished} | (
        {"source": run.source} if run.source is not None else {}
    )


def _regression(regression: Regression) -> dict[str, Any]:
    what = {"mode_id": regression.mode_id} if regression.level == "mode" else {"eval_id": regression.eval_id}
    return what | {
        "level": regression.level,
        "p_value": regression.p_value,
        "before": list(regression.before),
        "after": list(regression.after),
    }


def _is_number(value: Any) -> bool:
    """JSON bounds no whole number, and a float does."""
    return type(value) is not int or abs(value) <= sys.float_info.max


_Kinds = frozenset[type]
_TEXT, _TRUTH, _WHOLE = _Kinds([str]), _Kinds([bool]), _Kinds([int])
_NUMBER, _LIST, _NULL = _Kinds([int, float]), _Kinds([list]), _Kinds([type(None)])
_NEEDED = ("eval_id", "trial", "passed")
_FIELDS: dict[str, tuple[_Kinds, str]] = {
    "eval_id": (_TEXT, "the case's id, as text"),
    "trial": (_WHOLE, "the trial's number, a whole number from 0"),
    "passed": (_TRUTH | _NULL, "true, false, or null where there was no verdict"),
    "run_id": (_TEXT | _NULL, "the run's id, as text"),
    "error": (_TEXT | _NULL, "what went wrong, as text, or null"),
    "version": (_TEXT | _NULL, "the agent's version, as text"),
    "suite_digest": (_TEXT | _NULL, "the suite's digest, as text"),
    "case_digest": (_TEXT | _NULL, "the case's digest, as text"),
    "layer": (_TEXT | _NULL, "deterministic, semantic or behavioral"),
    "mode_id": (_TEXT | _NULL, "the failure mode's id, as text"),
    "deterministic": (_TRUTH | _NULL, "true or false"),
    "repeat": (_TRUTH | _NULL, "true or false"),
    "sealed": (_TRUTH | _NULL, "true or false"),
    "tags": (_LIST | _NULL, "a list of texts"),
    "score": (_NUMBER | _NULL, "a number"),
    "cost_usd": (_NUMBER | _NULL, "a number, in dollars"),
    "latency_ms": (_NUMBER | _NULL, "a number, in milliseconds"),
    "tokens": (_WHOLE | _NULL, "a whole number from 0"),
    "judge_id": (_TEXT | _NULL, "the judge's id, as text"),
    "judge_calibrated": (_TRUTH | _NULL, "true or false"),
    "judged_at": (_TEXT | _NULL, "when it was judged, as 2026-01-31T12:00:00Z"),
}
_ALSO: dict[str, Callable[[Any], bool]] = {
    "eval_id": lambda value: bool(value.strip()),
    "trial": lambda value: value >= 0,
    "tokens": lambda value: value is None or value >= 0,
    "tags": lambda value: value is None or all(isinstance(tag, str) for tag in value),
    "score": _is_number,
    "cost_usd": _is_number,
    "latency_ms": _is_number,
    "judged_at": lambda value: value is None or _is_time(value),
}
_AS: dict[str, Callable[[Any], Any]] = {"tags": tuple, "judged_at": lambda value: moment(value, "judged_at")}


def _is_time(value: str) -> bool:
    try:
        return moment(value, "judged_at") is not None
    except RecordError:
        return False
