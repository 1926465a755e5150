"""The gate's exchange format: a line a trial in, one object out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loopwright.collect.intake import shown
from loopwright.errors import InputError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import GateDecision, Regression


def read_result(record: Mapping[str, Any], source: str = "", line: int = 0) -> EvalResult:
    """One trial from one line; raises `InputError` naming file, line, field, value and cure.

    `eval_id`, `trial` and `passed` are needed; fields that the gate does not know are left alone.
    """
    for name in _NEEDED:
        if name not in record:
            raise InputError(f"{name} is missing", source=source, line=line, cure=f"give {_FIELDS[name][1]}")
    values: dict[str, Any] = {}
    for name, (accepts, wanted) in _FIELDS.items():
        value = record.get(name)
        if name in record and not accepts(value):
            raise InputError(f"{name} is {shown(value)}", source=source, line=line, cure=f"give {wanted}")
        if value is not None:
            values[name] = tuple(value) if name == "tags" else value
    values.setdefault("passed", None)
    return EvalResult(**values)


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
        "next": [{"eval_id": r.eval_id, "trials": r.trials} for r in decision.next],
        "message": decision.message,
        "reasons": list(decision.reasons),
        "new_evals_queued": decision.new_evals_queued,
    }


def _regression(regression: Regression) -> dict[str, Any]:
    what = {"mode_id": regression.mode_id} if regression.level == "mode" else {"eval_id": regression.eval_id}
    return what | {
        "level": regression.level,
        "p_value": regression.p_value,
        "before": list(regression.before),
        "after": list(regression.after),
    }


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) for tag in value)


def _or_null(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or accepts(value)


_any_text = _or_null(lambda value: isinstance(value, str))
_NEEDED = ("eval_id", "trial", "passed")
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "eval_id": (_text, "the case's id, as text"),
    "trial": (_whole, "the trial's number, a whole number from 0"),
    "passed": (_or_null(_truth), "true, false, or null where there was no verdict"),
    "run_id": (_any_text, "the run's id, as text"),
    "error": (_any_text, "what went wrong, as text, or null"),
    "version": (_any_text, "the agent's version, as text"),
    "suite_digest": (_any_text, "the suite's digest, as text"),
    "layer": (_any_text, "deterministic, semantic or behavioral"),
    "mode_id": (_any_text, "the failure mode's id, as text"),
    "deterministic": (_or_null(_truth), "true or false"),
    "repeat": (_or_null(_truth), "true or false"),
    "tags": (_or_null(_texts), "a list of texts"),
    "score": (_or_null(_number), "a number"),
    "cost_usd": (_or_null(_number), "a number, in dollars"),
    "latency_ms": (_or_null(_number), "a number, in milliseconds"),
    "tokens": (_or_null(_whole), "a whole number"),
}
