"""The sealed part of the suite: cases that are run like all others, and that nothing is tuned on.

Once an agent is improved against a suite, the suite measures how well it was tuned to, and no longer how good the agent is. A
share of the approved cases is therefore sealed: what improves the agent (drafts, proposals and their verification) sees the
open part alone, and the gap between the two parts' pass rates shows how much of a gain was learned by heart.

Which cases are sealed follows from their ids, so that nobody chooses them, a case keeps its place while the suite grows, and a
larger share seals more cases and opens none.
"""

from __future__ import annotations

from loopwright.audit.digest import digest
from loopwright.evaluate.case import CaseStatus, EvalCase, Suite

SHARE = 0.2
"""The share of approved cases that is sealed where nothing else is said."""

_PLACES = 2.0**64


def is_sealed(case: EvalCase, share: float = SHARE) -> bool:
    """Whether the case belongs to the sealed part; drafts never do. `share` lies in 0..1."""
    return case.status is CaseStatus.APPROVED and int(digest("sealed", case.id), 16) / _PLACES < share


def sealed_ids(suite: Suite, share: float = SHARE) -> frozenset[str]:
    """The ids of the sealed cases."""
    return frozenset(case.id for case in suite.cases if is_sealed(case, share))


def open_part(suite: Suite, share: float = SHARE) -> Suite:
    """The cases that may be tuned on: all but the sealed ones, in their order."""
    return Suite(tuple(case for case in suite.cases if not is_sealed(case, share)))


def sealed_part(suite: Suite, share: float = SHARE) -> Suite:
    """The sealed cases, in their order."""
    return Suite(tuple(case for case in suite.cases if is_sealed(case, share)))
