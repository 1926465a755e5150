"""Ids of failure modes: derived from content, kept while the data grows, never used again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from loopwright.audit.digest import content_id

KEPT_SHARE = 0.5


def name_groups(groups: Sequence[Sequence[str]], previous: Mapping[str, str], taken: Collection[str] = ()) -> list[str]:
    """One mode id for each group of trace ids, of which the first founded it.

    `previous` has the mode of each trace placed before. A group takes over the id of the mode with which it shares most, one to
    one over all groups, if they share half of what is still there of the mode, or half of what the group has of old traces;
    so of a mode that splits, the larger part keeps the id. Other groups get an id from their founder, never one that is in
    `previous` or `taken`.
    """
    ids = _inherited(groups, previous)
    used = set(taken) | set(previous.values()) | {id for id in ids if id is not None}
    for index, group in enumerate(groups):
        if ids[index] is None:
            ids[index] = _new_id(group[0], used)
            used.add(str(ids[index]))
    return [str(id) for id in ids]


def _inherited(groups: Sequence[Sequence[str]], previous: Mapping[str, str]) -> list[str | None]:
    shared = [Counter(previous[trace] for trace in group if trace in previous) for group in groups]
    modes = sorted({mode for row in shared for mode in row})
    ids: list[str | None] = [None] * len(groups)
    if not modes:
        return ids
    column = {mode: index for index, mode in enumerate(modes)}
    table = np.zeros((len(groups), len(modes)))
    for index, row in enumerate(shared):
        for mode, count in row.items():
            table[index, column[mode]] = count
    old_of_group, left_of_mode = table.sum(axis=1), table.sum(axis=0)
    rows, columns = linear_sum_assignment(table, maximize=True)
    for index, at in zip(rows.tolist(), columns.tolist(), strict=True):
        both = table[index, at]
        if both > 0 and (both >= KEPT_SHARE * left_of_mode[at] or both >= KEPT_SHARE * old_of_group[index]):
            ids[index] = modes[at]
    return ids


def _new_id(founder: str, used: Collection[str]) -> str:
    id, again = content_id("mode", founder), 0
    while id in used:
        again += 1
        id = content_id("mode", founder, again)
    return id
