"""What a decision heeds beside results and policy, out of options."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.collect.times import utc
from loopwright.errors import UsageError
from loopwright.gate.judged_sides import Judges
from loopwright.gate.quarantine import Quarantine
from loopwright.ports import RecordReader
from loopwright.settings import Settings
from loopwright.wiring.gating import lenient
from loopwright.workflows.gating import Terms, read_results
from loopwright.workflows.history import BASELINE, Against
from loopwright.workflows.known_judges import read_judges
from loopwright.workflows.quarantining import read_entries

AGAINST = typer.Option(
    None,
    "--against",
    metavar="NAME",
    help="What to compare with: a release, a git ref (the runs of that commit), a file of results, or baseline (the default).",
    show_default=False,
)
QUARANTINE = typer.Option(None, "--quarantine", metavar="FILE", help="Cases in quarantine, a line a case.", show_default=False)
UNTIL = typer.Option(..., "--until", metavar="DATE", help="The last day, as 2026-12-31; 90 days ahead at most.")


CALIBRATION = typer.Option(
    None,
    "--calibration",
    metavar="FILE",
    help="For files: the judges' verdicts beside people's labels, a line an item, as judge calibrate reads.",
    show_default=False,
)


def terms_of(
    settings: Settings, reader: RecordReader, against: str | None, quarantine: Path | None, doubts: Sequence[str] = (),
    calibration: Path | None = None,
) -> Terms:  # fmt: skip
    """The terms of one comparison; raises `InputError` for a line of a file that is none."""
    return Terms(
        doubts=tuple(doubts),
        against=_against(against, reader),
        quarantines=tuple(entries_of(settings, quarantine)),
        at=wiring.clock().now(),
        lenient=lenient(settings),
        touched=lambda commit: wiring.touched_since(settings, commit),
        judges=read_judges(wiring.record_reader(settings), str(calibration)) if calibration is not None else Judges(),
    )


def entries_of(settings: Settings, file: Path | None) -> list[Quarantine]:
    """The entries in a file of quarantines; none without a file."""
    return read_entries(wiring.record_reader(settings), str(file)) if file is not None else []


def last_moment(day: str) -> datetime:
    """The end of a day in UTC, or the time that is given; raises `UsageError`."""
    try:
        given = datetime.fromisoformat(day.strip())
    except ValueError:
        raise UsageError(f"--until {day!r} is no date; give one as 2026-12-31") from None
    whole = given.time() == time.min and len(day.strip()) <= len("2026-12-31")
    return datetime.combine(given.date(), time(23, 59, 59), UTC) if whole else utc(given)


def _against(name: str | None, reader: RecordReader) -> Against | None:
    if name is None or name == BASELINE:
        return None
    if not name.strip():
        raise UsageError("--against is empty; give a release, a git ref, a file of results, or baseline")
    rows = tuple(read_results(reader, name)) if Path(name).is_file() else None
    return Against(name, wiring.commit_of(name), rows)
