"""How production is watched: which periods are compared, and at what level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """The `current` period ends with the newest trace, the `reference` period lies before it.

    `alpha` is the chance of a drift where there is none, for each of the drifts. Of more than `most` inputs on a side, so many
    are drawn. `lower_is_better` names the business metrics of which less is better.
    """

    current: timedelta = timedelta(days=7)
    reference: timedelta = timedelta(days=28)
    alpha: float = 0.05
    most: int = 5000
    lower_is_better: tuple[str, ...] = ()
