"""Failure modes: clusters with a stable id, a name, a description and a lifecycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

ID_PREFIX = "mode-"
"""What all ids of failure modes begin with."""


class ModeStatus(Enum):
    """Where a failure mode stands in its life."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    COVERED = "covered"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Membership:
    """A failing trace's place: its mode (None for a one-off) and how strongly it belongs there, 0..1."""

    trace_id: str
    mode_id: str | None
    strength: float


@dataclass(frozen=True, slots=True)
class FailureMode:
    """A recurring pattern of failure that shares a cause.

    `terms` are the words that set it apart from the other modes; `representatives` the trace ids nearest its centre, best
    first; `severity` the mean of its members' (0..1); `score` their summed score, what modes are ranked by. `described_by` is the
    model that wrote description, why and possible fix; empty where they come from templates.
    """

    mode_id: str
    name: str
    description: str = ""
    why: str = ""
    possible_fix: str = ""
    status: ModeStatus = ModeStatus.OPEN
    size: int = 0
    severity: float = 0.0
    score: float = 0.0
    signal_types: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    representatives: tuple[str, ...] = ()
    position: tuple[float, float] | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    described_by: str = ""


@dataclass(frozen=True, slots=True)
class ModeDescription:
    """What a language model wrote of a mode: what it is, why it fails, what might help. `model` is who wrote it."""

    mode_id: str
    what: str
    why: str
    possible_fix: str
    model: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a clustering was done, as it is kept beside its modes: the fields of `Clustering`, and when it was."""

    method: str
    embedder: str
    distinct: int
    threshold: float | None = None
    granularity: float | None = None
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Clustering:
    """All failures placed: the modes, best first; a membership for every failure given; and how it was done.

    `threshold` is the cosine at which modes were cut, `granularity` the setting behind it, `embedder` the model's name,
    `distinct` the number of distinct normalised texts. `positions` gives each clustered failure a place on the map. `made_at` is
    when it was done, where a store knows.
    """

    modes: tuple[FailureMode, ...]
    memberships: tuple[Membership, ...]
    method: str
    embedder: str
    distinct: int
    threshold: float | None = None
    granularity: float | None = None
    positions: dict[str, tuple[float, float]] = field(default_factory=dict)
    made_at: datetime | None = None
