"""The marker `loopwright`: what it says of a test, and the properties that the test's reports carry.

@pytest.mark.loopwright(trials=3, mode="refunds", deterministic=False, layer="semantic", tags=["refunds"], id="refund")
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from loopwright.audit.digest import digest
from loopwright.evaluate.case import Layer

FIXTURE = "loopwright_trial"
PREFIX = "loopwright."
_TRIAL = "trial"
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Mark:
    """What a marker says. `id` None means the test's own id, without the trial."""

    trials: int = 1
    mode: str | None = None
    deterministic: bool | None = None
    layer: str | None = None
    tags: tuple[str, ...] = ()
    id: str | None = None


def mark_of(node: Any) -> Mark:
    """The nearest marker of a test; raises `CollectError` for one that says what no marker can."""
    marker = node.get_closest_marker("loopwright")
    given = dict(marker.kwargs)
    where = f"{node.nodeid}: @pytest.mark.loopwright"
    if marker.args or set(given) - set(_RULES):
        wrong = marker.args[0] if marker.args else min(set(given) - set(_RULES))
        raise pytest.Collector.CollectError(f"{where} does not take {wrong!r}; it takes {', '.join(_RULES)}, by name")
    for name, value in given.items():
        fits, wanted = _RULES[name]
        if not fits(value):
            raise pytest.Collector.CollectError(f"{where}: {name} is {value!r}; give {wanted}")
    return Mark(**given | ({"tags": tuple(given["tags"])} if "tags" in given else {}))


def trial_id(number: int) -> str:
    """What a trial is called in the id of its test."""
    return f"{_TRIAL}{number}"


def properties(item: pytest.Item, mark: Mark) -> list[tuple[str, Any]]:
    """What the reports of a test carry: its case, its trial, and what the marker says."""
    callspec = getattr(item, "callspec", None)
    trial = callspec.params.get(FIXTURE) if callspec is not None else None
    function = getattr(item, "function", None)
    fields = {
        "eval_id": _eval_id(item.nodeid, trial, mark),
        "trial": trial or 0,
        "mode_id": mark.mode,
        "deterministic": mark.deterministic,
        "layer": mark.layer,
        "tags": ",".join(mark.tags),
        "case_digest": _digest(function) if function is not None else None,
    }
    return [(PREFIX + name, value) for name, value in fields.items() if value not in (None, "")]


def _eval_id(nodeid: str, trial: int | None, mark: Mark) -> str:
    """The test's id without its trial. One that a marker names keeps what else the test is parametrised with."""
    if trial is not None:
        of_trial = trial_id(trial)
        nodeid = (
            nodeid.removesuffix(f"[{of_trial}]")
            if nodeid.endswith(f"[{of_trial}]")
            else nodeid.removesuffix(f"-{of_trial}]") + "]"
        )
    if mark.id is None:
        return nodeid
    _, bracket, rest = nodeid.rpartition("::")[2].partition("[")
    return f"{mark.id}{bracket}{rest}"


def _digest(function: Callable[..., Any]) -> str | None:
    """Identifies what a test says, whatever its layout and comments; None where its source is not known."""
    try:
        parsed = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError):
        return None
    for node in ast.walk(parsed):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.decorator_list = []
    return digest("pytest", ast.dump(parsed))


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "trials": (lambda value: type(value) is int and 1 <= value <= _MOST, f"a whole number from 1 to {_MOST}"),
    "mode": (lambda value: value is None or (isinstance(value, str) and bool(value.strip())), "a failure mode's id, as text"),
    "deterministic": (lambda value: value in (True, False, None), "True or False"),
    "layer": (
        lambda value: value is None or value in {layer.value for layer in Layer},
        "one of " + ", ".join(layer.value for layer in Layer),
    ),
    "tags": (
        lambda value: isinstance(value, list | tuple | set) and all(isinstance(tag, str) and "," not in tag for tag in value),
        "a list of texts without commas",
    ),
    "id": (lambda value: value is None or (isinstance(value, str) and bool(value.strip())), "the case's id, as text"),
}
