"""Releases: versions that shipped, and on what grounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from loopwright.audit.digest import content_id


@dataclass(frozen=True, slots=True)
class Release:
    """A version that shipped: its gate decision, the proposals in it, who released it and when."""

    version: str
    released_at: datetime
    released_by: str
    decision_id: str | None = None
    proposal_ids: tuple[str, ...] = ()

    @property
    def release_id(self) -> str:
        """Derived from the version and the time of release."""
        return content_id("release", self.version, self.released_at)
