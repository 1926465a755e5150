"""What a decision was computed from, kept with it: each case's counts, so that everything it says can be computed again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from loopwright.gate.tally import CaseTally, Count

_TOLD = tuple(f.name for f in fields(CaseTally) if f.name not in ("eval_id", "before", "after", "quarantined"))


def count_groups(cases: Iterable[CaseTally]) -> list[dict[str, Any]]:
    """The cases by their counts: those that have all of them alike, and their mode too, are one group with their `eval_ids`.

    `before` and `after` hold passes, trials and what else is not 0; other fields that are empty or false are left out. So is
    whether a case is in quarantine, which changes no count.
    """
    groups: dict[tuple[Any, ...], list[str]] = {}
    for case in cases:
        groups.setdefault(_alike(case), []).append(case.eval_id)
    return [_group(*alike) | {"eval_ids": ids} for alike, ids in groups.items()]


def counted_cases(groups: Sequence[Mapping[str, Any]], quarantined: Collection[str] = ()) -> list[CaseTally]:
    """The cases of `count_groups`, by id; those in `quarantined` are marked so."""
    cases = []
    for group in groups:
        told = {name: value for name, value in group.items() if name not in ("before", "after", "eval_ids")}
        before, after = Count(**group["before"]), Count(**group["after"])
        cases += [CaseTally(id, before, after, quarantined=id in quarantined, **told) for id in group["eval_ids"]]
    return sorted(cases, key=lambda case: case.eval_id)


_alike = attrgetter("before", "after", *_TOLD)


def _group(before: Count, after: Count, *told: Any) -> dict[str, Any]:
    sides = {"before": _count(before), "after": _count(after)}
    return sides | {name: value for name, value in zip(_TOLD, told, strict=True) if value not in (None, False, 0)}


def _count(count: Count) -> dict[str, int]:
    told: dict[str, int] = {f.name: getattr(count, f.name) for f in fields(count)}
    return {name: value for name, value in told.items() if value or name in ("passes", "trials")}
