"""Releases: versions that shipped, and on what grounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from loopwright.audit.digest import content_id
from loopwright.evaluate.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class Release:
    """A version that shipped: its gate decision, the proposals in it, who released it and when.

    `fingerprint` tells what it was made of and `changed` which parts of it differ from the release before (None: not known).
    `versions` are other names that traces may carry for it, such as the commit behind a tag. `despite` is why it was
    released against its gate, where it was. A release that was rolled back names when, by whom and why.
    """

    version: str
    released_at: datetime
    released_by: str
    decision_id: str | None = None
    proposal_ids: tuple[str, ...] = ()
    fingerprint: Fingerprint | None = None
    changed: tuple[str, ...] | None = None
    versions: tuple[str, ...] = ()
    despite: str = ""
    rolled_back_at: datetime | None = None
    rolled_back_by: str | None = None
    rollback_why: str = ""

    @property
    def release_id(self) -> str:
        """Derived from the version and the time of release."""
        return content_id("release", self.version, self.released_at)

    @property
    def live(self) -> bool:
        """Whether it was not rolled back."""
        return self.rolled_back_at is None

    @property
    def names(self) -> tuple[str, ...]:
        """Every version that traces of it may carry."""
        return (self.version, *self.versions)


def previous(release: Release, releases: Iterable[Release]) -> Release | None:
    """The release that this one took the place of: the latest before it that was in use when it came."""
    before = [r for r in releases if r.released_at < release.released_at and _still(r, release.released_at)]
    return max(before, key=lambda r: r.released_at, default=None)


def in_use(releases: Iterable[Release], at: datetime | None = None) -> Release | None:
    """The release in use now, or at a time: the latest by then that was not rolled back by then."""
    found = (r for r in releases if (r.live if at is None else r.released_at <= at and _still(r, at)))
    return max(found, key=lambda r: r.released_at, default=None)


def _still(release: Release, at: datetime) -> bool:
    return release.rolled_back_at is None or release.rolled_back_at > at
