"""What the workflows need of the world beside data: time, progress, models, vectors, the repository."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from loopwright.collect.trace import Usage
    from loopwright.effects import Reply, Request


class Clock(Protocol):
    """Where time comes from: stages are given times, they never ask."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""


class Progress(Protocol):
    """A progress bar, or nothing. `total` None means that the end is not known."""

    def start(self, label: str, total: int | None = None) -> None:
        """Begin a bar; it replaces the one before."""

    def advance(self, by: int = 1) -> None:
        """One more step done."""

    def done(self) -> None:
        """Close the bar."""


class Embedder(Protocol):
    """Text to vectors."""

    @property
    def name(self) -> str:
        """Names the model and version: vectors of two names are never mixed."""

    def embed(self, texts: Sequence[str]) -> Any:
        """A float32 array of shape (len(texts), d) with L2-normalised rows."""


class Model(Protocol):
    """A language model."""

    async def complete(self, request: Request) -> Reply:
        """Answer; a failure is a reply whose `error` is set."""


class Pricer(Protocol):
    """What models cost."""

    def __call__(self, model: str, provider: str | None, usage: Usage, at: datetime | None) -> float | None:
        """US dollars of a call at a time (None is now); None where the price is not known."""


class VersionControl(Protocol):
    """What the repository says."""

    def user_name(self) -> str | None:
        """Git's `user.name`."""

    def head(self) -> str | None:
        """The current commit, with `-dirty-` and a digest where the working tree differs from it; None outside a repository."""

    def differing(self) -> Sequence[str]:
        """The files by which the working tree differs from its commit; none outside a repository."""

    def why_no_head(self) -> str:
        """Why `head` is None, in words: no git, no repository, or no commit in it yet."""
