"""What a decision was computed from, kept with it: each case's counts, so that everything it says can be computed again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from loopwright.gate.tally import CaseTally, Count


def count_groups(cases: Iterable[CaseTally]) -> list[dict[str, Any]]:
    """The cases by their counts: those that have all of them alike, and their mode too, are one group with their `eval_ids`.

    `before` and `after` hold passes, trials and what else is not 0; other fields that are empty or false are left out. So is
    whether a case is in quarantine, which changes no count.
    """
    groups: dict[CaseTally, list[str]] = {}
    for case in cases:
        groups.setdefault(replace(case, eval_id="", quarantined=False), []).append(case.eval_id)
    return [_group(case) | {"eval_ids": ids} for case, ids in groups.items()]


def counted_cases(groups: Sequence[Mapping[str, Any]], quarantined: Collection[str] = ()) -> list[CaseTally]:
    """The cases of `count_groups`, by id; those in `quarantined` are marked so."""
    cases = []
    for group in groups:
        told = {name: value for name, value in group.items() if name not in ("before", "after", "eval_ids")}
        before, after = Count(**group["before"]), Count(**group["after"])
        cases += [CaseTally(id, before, after, quarantined=id in quarantined, **told) for id in group["eval_ids"]]
    return sorted(cases, key=lambda case: case.eval_id)


def _group(case: CaseTally) -> dict[str, Any]:
    sides = {"before": _count(case.before), "after": _count(case.after)}
    told = {f.name: getattr(case, f.name) for f in fields(case) if f.name not in ("before", "after", "eval_id")}
    return sides | {name: value for name, value in told.items() if value not in (None, False, 0)}


def _count(count: Count) -> dict[str, int]:
    told: dict[str, int] = {f.name: getattr(count, f.name) for f in fields(count)}
    return {name: value for name, value in told.items() if value or name in ("passes", "trials")}
