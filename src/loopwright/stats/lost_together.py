"""Were cases lost that have too short a history to say so alone? Several that fail again and again, weighed together.

A case passed all its `h` old trials and failed all its `f` new ones. If the agent did not change, then of the ways in which `h`
passes can lie among `h + f` trials each is as likely as any other, so that they all lie in the old ones with chance
1 / C(h + f, h). Had they lain otherwise, an old trial would have failed: cases for which that happened are among those that did
not pass wholly before, and how many these are is known. Nothing is assumed about the distribution of pass rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LOOKS = (1, 3, 7, 15, 31)
"""After so many repeats of a case it is looked at: what is spent is divided among the looks, so that repeating may stop early."""


def chance_together(lost: Sequence[tuple[int, int]], others: int) -> float:
    """A bound on the chance that an unchanged agent loses so many cases, for one look; 1 where none is lost.

    `lost` has (old trials, all passed; new trials, all failed) of each; `others` is the number of cases with a failure among
    their old trials. With `L` lost and `q` the largest of their chances, it is the binomial tail P(X >= L) of L + others
    cases of chance `q`.
    """
    if not lost:
        return 1.0
    share = max(1 / math.comb(old + new, old) for old, new in lost)
    least, most = len(lost), len(lost) + others
    terms = (math.comb(most, x) * share**x * (1 - share) ** (most - x) for x in range(least, most + 1))
    return min(1.0, math.fsum(terms))
