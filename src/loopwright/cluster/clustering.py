"""Failures become failure modes: the whole step."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from math import fsum
from typing import NamedTuple

import numpy as np

from loopwright.audit.digest import digest
from loopwright.cluster import density, linkage
from loopwright.cluster.describing import SIGNAL_WORDS, describe, headline
from loopwright.cluster.identity import name_groups
from loopwright.cluster.layout import positions
from loopwright.cluster.linkage import Grouping, Labels
from loopwright.cluster.mode import Clustering, FailureMode, Membership
from loopwright.cluster.naming import Document, contrastive_terms, names
from loopwright.cluster.options import AVERAGE, NOTHING, Known, Options
from loopwright.cluster.recipe import Key, key_of, source_text
from loopwright.cluster.space import Array, vectors_of
from loopwright.effects import Embed
from loopwright.mine.policy import alone
from loopwright.mine.signal import FailureTrace

REPRESENTATIVES = 5


class Distinct(NamedTuple):
    """Distinct texts, in an order that has nothing to do with what they say; `rows` are the failures of each."""

    keys: list[Key]
    rows: list[list[int]]


def cluster_failures(
    failures: Sequence[FailureTrace], options: Options = AVERAGE, known: Known = NOTHING, embedder: str = ""
) -> Generator[Embed, Array, Clustering]:
    """Place every failure in a mode, or on its own.

    Yields one `Embed`, unless there is nothing to embed, and returns the clustering. Every failure given has a membership, in
    the order given; one with score 0 is never clustered, and has neither mode nor strength, nor is one whose evidence never
    counts alone (a business metric). Modes come best first. The same failures in another order make the same modes. `embedder`
    names the model in the result. Trace ids must be distinct.
    """
    live = [f for f in failures if f.score > 0 and not alone(f.signals)]
    distinct = _distinct(live)
    grouping, x = yield from _group(live, distinct, options)
    members = _members(live, distinct.rows, grouping.labels)
    ids = name_groups([[live[i].trace_id for i in rows] for rows in members], known.places, known.ids)
    nearness = _nearness(x, grouping.labels)
    near = np.zeros(len(live), np.float32)
    spots = np.zeros((len(live), 2), np.float32)
    placed = positions(x, grouping.labels)
    for index, rows in enumerate(distinct.rows):
        near[rows] = nearness[index]
        spots[rows] = placed[index]
    modes = _modes(live, distinct, grouping.labels, members, ids, near, spots)
    place = {live[i].trace_id: (id, near[i]) for id, rows in zip(ids, members, strict=True) for i in rows}
    return Clustering(
        modes=tuple(sorted(modes, key=lambda mode: (-mode.score, -mode.size, mode.mode_id))),
        memberships=tuple(_membership(f.trace_id, place) for f in failures),
        method=options.method,
        embedder=embedder,
        distinct=len(distinct.keys),
        threshold=grouping.threshold,
        granularity=grouping.granularity,
        positions={f.trace_id: (round(float(a), 4), round(float(b), 4)) for f, (a, b) in zip(live, spots, strict=True)},
    )


def _group(
    failures: Sequence[FailureTrace], distinct: Distinct, options: Options
) -> Generator[Embed, Array, tuple[Grouping, Array]]:
    if not failures:
        return Grouping(np.zeros(0, np.int64), None, None), np.zeros((0, 1), np.float32)
    weights = np.array([len(rows) for rows in distinct.rows], np.int64)
    if options.method == "dbscan":
        x = np.asarray((yield Embed(tuple(source_text(failures[rows[0]]) for rows in distinct.rows))), np.float32)
        return density.group(x, weights, options.min_size), x
    inputs, reasons = [key.input for key in distinct.keys], [key.reason for key in distinct.keys]
    texts = sorted({*inputs, *reasons})
    vectors = np.asarray((yield Embed(tuple(texts))), np.float32)
    at = {text: index for index, text in enumerate(texts)}
    x = vectors_of(distinct.keys, vectors[[at[t] for t in inputs]], vectors[[at[t] for t in reasons]])
    return linkage.group(x, weights, options.min_size, options.granularity), x


def _distinct(failures: Sequence[FailureTrace]) -> Distinct:
    rows: dict[Key, list[int]] = {}
    for index, failure in enumerate(failures):
        rows.setdefault(key_of(failure), []).append(index)
    ordered = sorted(rows, key=lambda key: (digest(key), key))
    return Distinct(ordered, [rows[key] for key in ordered])


def _members(failures: Sequence[FailureTrace], rows: Sequence[Sequence[int]], labels: Labels) -> list[list[int]]:
    """The failures of each group, the one that founded it first: the earliest, where times are known."""
    groups: list[list[int]] = [[] for _ in range(int(labels.max(initial=-1)) + 1)]
    for some, label in zip(rows, labels, strict=True):
        if label >= 0:
            groups[label] += some
    return [sorted(group, key=lambda i: _age(failures[i])) for group in groups]


def _age(failure: FailureTrace) -> tuple[bool, float, str]:
    at = failure.timestamp
    return (at is None, at.timestamp() if at is not None else 0.0, failure.trace_id)


def _nearness(x: Array, labels: Labels) -> Array:
    """How near each row lies to the centre of its group: their cosine, in 0..1; 0 for a row in none."""
    near = np.zeros(len(x), np.float32)
    for group in range(int(labels.max(initial=-1)) + 1):
        rows = np.flatnonzero(labels == group)
        centre = x[rows].sum(axis=0)
        length = float(np.linalg.norm(centre))
        near[rows] = np.clip(x[rows] @ centre / length, 0.0, 1.0) if length > 1e-6 and len(rows) > 1 else 1.0
    return near


def _modes(
    failures: Sequence[FailureTrace],
    distinct: Distinct,
    labels: Labels,
    members: Sequence[Sequence[int]],
    ids: Sequence[str],
    near: Array,
    spots: Array,
) -> list[FailureMode]:
    documents = [
        Document(f"{key.input} {key.reason}", int(label), len(rows))
        for key, rows, label in zip(distinct.keys, distinct.rows, labels, strict=True)
    ]
    terms = contrastive_terms(documents, len(members))
    fallbacks = [f"without words: {SIGNAL_WORDS[failures[rows[0]].signal_type]}" for rows in members]
    topics = names(documents, len(members), fallbacks)
    typical = [_typical(failures, rows, near) for rows in members]
    lines = [headline([failures[i] for i in rows], topic) for rows, topic in zip(typical, topics, strict=True)]
    named = [line if lines.count(line) == 1 else f"{topic}: {line}" for line, topic in zip(lines, topics, strict=True)]
    return [
        _mode([failures[i] for i in rows], spots[rows], id, name, words)
        for rows, id, name, words in zip(typical, ids, named, terms, strict=True)
    ]


def _typical(failures: Sequence[FailureTrace], rows: Sequence[int], near: Array) -> list[int]:
    """The rows, nearest to the centre of their group first."""
    return sorted(rows, key=lambda i: (-round(float(near[i]), 6), -failures[i].score, failures[i].trace_id))


def _mode(members: Sequence[FailureTrace], spots: Array, id: str, name: str, terms: tuple[str, ...]) -> FailureMode:
    """The mode of some failures, the most typical first."""
    said = describe(members, members[0])
    times = [m.timestamp for m in members if m.timestamp is not None]
    signals = {m.signal_type.value: sum(o.signal_type is m.signal_type for o in members) for m in members}
    return FailureMode(
        mode_id=id,
        name=name,
        description=said.what,
        why=said.why,
        possible_fix=said.possible_fix,
        size=len(members),
        severity=fsum(m.severity for m in members) / len(members),
        score=fsum(m.score for m in members),
        signal_types=tuple(sorted(signals, key=lambda s: (-signals[s], s))),
        terms=terms,
        representatives=tuple(m.trace_id for m in members[:REPRESENTATIVES]),
        position=(round(float(spots[:, 0].mean()), 4), round(float(spots[:, 1].mean()), 4)),
        first_seen=min(times, default=None),
        last_seen=max(times, default=None),
    )


def _membership(trace_id: str, place: Mapping[str, tuple[str, float]]) -> Membership:
    id, strength = place.get(trace_id, (None, 0.0))
    return Membership(trace_id, id, round(float(strength), 4))
