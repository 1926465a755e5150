"""The composition root: the only place that builds adapters and puts them behind ports."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from loopwright.adapters.importers.reader import FileRecordReader, FileTraceReader
from loopwright.adapters.store.scaffold_files import ScaffoldFiles
from loopwright.adapters.vcs.git import Git
from loopwright.ports import Clock, RecordReader, Scaffold, Store, TraceReader, VersionControl
from loopwright.settings import Settings


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return datetime.now(UTC)


def clock() -> Clock:
    """The clock that commands use."""
    return SystemClock()


def scaffold_files(folder: Path) -> Scaffold:
    """New files under `folder`."""
    return ScaffoldFiles(folder)


def store(settings: Settings, create: bool = True) -> Store:
    """The store, to be closed (`with wiring.store(settings) as store`).

    With `create`, it reads as empty until the first write makes it; commands that only read pass False, and `StoreError` says
    what to do where there is none.
    """
    from loopwright.adapters.store.store import open_store  # noqa: PLC0415 (brings SQLAlchemy, which file mode never needs)

    return open_store(str(settings["store.url"]), settings.folder, create=create)


def version_control(folder: Path | None = None) -> VersionControl:
    """The repository that `folder` (by default the current one) is in."""
    return Git(folder or Path.cwd())


def trace_reader(settings: Settings) -> TraceReader:
    """Traces out of files, folders and standard input."""
    return FileTraceReader(settings["import.max_line_bytes"])


def record_reader(settings: Settings) -> RecordReader:
    """JSON Lines records that are not traces: failures, trial results."""
    return FileRecordReader(settings["import.max_line_bytes"])
