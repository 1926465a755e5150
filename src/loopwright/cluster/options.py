"""What clustering is told: how to group, and what was found before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from loopwright.cluster.mode import FailureMode, Membership

Method = Literal["average", "dbscan"]


@dataclass(frozen=True, slots=True)
class Options:
    """How failures are grouped.

    `granularity` is where modes are cut, in robust standard deviations above the cosine of random pairs; 0 chooses from the
    data. Groups of fewer than `min_size` failures are listed as one-offs. `dbscan` is the source's method and text.
    """

    method: Method = "average"
    granularity: float = 0.0
    min_size: int = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier clustering found, so that modes keep their ids: the mode of each trace placed, and all ids ever given."""

    places: Mapping[str, str] = field(default_factory=dict)
    ids: Collection[str] = ()

    @classmethod
    def of(cls, memberships: Iterable[Membership], modes: Iterable[FailureMode] = ()) -> Known:
        """From what a store holds."""
        places = {m.trace_id: m.mode_id for m in memberships if m.mode_id is not None}
        return cls(places, frozenset(m.mode_id for m in modes))


AVERAGE = Options()
NOTHING = Known()
