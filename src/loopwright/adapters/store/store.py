"""The store: every group of tables behind one object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from loopwright.adapters.store.audit import Audit
from loopwright.adapters.store.cases import Cases
from loopwright.adapters.store.database import Database, locate
from loopwright.adapters.store.decisions import Decisions
from loopwright.adapters.store.exceptions import Exceptions
from loopwright.adapters.store.failures import Failures
from loopwright.adapters.store.feedback import FeedbackOnTraces
from loopwright.adapters.store.finding import Finding
from loopwright.adapters.store.judging import Judging
from loopwright.adapters.store.loop import Loop
from loopwright.adapters.store.modes import Modes
from loopwright.adapters.store.postgres import Server, address
from loopwright.adapters.store.proposals import Proposals
from loopwright.adapters.store.releases import Releases
from loopwright.adapters.store.retention import Retention
from loopwright.adapters.store.runs import Runs
from loopwright.adapters.store.watch import Watch


class SqlStore(
    FeedbackOnTraces, Retention, Finding, Failures, Modes, Judging, Cases, Runs, Decisions, Exceptions, Audit, Loop, Releases,
    Proposals, Watch,
):  # fmt: skip
    """Implements `ports.Store`; a context manager that closes at its end."""

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        return self.database.url

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that this thread writes within is written together at its end, or not at all."""
        with self.database.write():
            yield

    def close(self) -> None:
        """Release the connections."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_store(url: str, folder: Path, *, create: bool = True) -> SqlStore:
    """The store at `url`, whose relative path counts from `folder`.

    With `create`, the file and its folder are made by the first write; without, they must be there. Raises `UsageError` for a
    URL that is neither `sqlite:///PATH` nor `postgresql://…` and `StoreError` where the store cannot be opened or brought up to
    date. On a PostgreSQL server the database must be there.
    """
    if url.startswith(("postgresql://", "postgres://")):
        return SqlStore(Server(address(url), create=create))
    return SqlStore(Database(locate(url, folder), create=create))
