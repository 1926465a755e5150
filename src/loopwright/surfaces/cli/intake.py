"""What an import took and what it refused, told to a person."""

from __future__ import annotations

from loopwright.collect.intake import Intake, Rejected
from loopwright.surfaces.cli.terminal import note, say, table
from loopwright.wording import counted, number

SHOWN = 20


class Refusals:
    """Prints refusals as they come, a line each on stderr, up to `SHOWN`; `close` tells of the others by reason."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, rejected: Rejected) -> None:
        """One record was refused."""
        self._count += 1
        if self._count <= SHOWN:
            note(f"loopwright: {rejected}")

    def close(self, intake: Intake) -> None:
        """All was read: one line tells how many were refused, and why."""
        if intake.rejected_count > SHOWN:
            note(f"loopwright: ... and {intake.rejected_count - SHOWN:,} more")
        if intake.rejected_count:
            why = ", ".join(f"{reason} {count:,}" for reason, count in intake.reasons)
            note(f"loopwright: {intake.rejected_count:,} not taken: {why}")


def tell_empty(intake: Intake) -> None:
    """A line on stderr for the files without a single record, and one for the feedback without its trace, where there are any.

    A file of which all was read before an import was broken off had records.
    """
    read = [f for f in intake.files if f.source not in intake.resumed]
    empty = [f.source for f in read if not f.taken and not f.rejected and not f.parts]
    if empty:
        note(f"loopwright: no records in {', '.join(empty[:SHOWN])}{' ...' if len(empty) > SHOWN else ''}")
    if intake.unjoined:
        note(
            f"loopwright: {number(intake.unjoined)} of {counted(intake.feedback, 'feedback record')} "
            "name a trace or session that is not there"
        )


def tell_intake(intake: Intake, kept_in: str = "") -> None:
    """Print the summary of an import: a row for each file, the formats, and what was refused by reason."""
    rows = [(f.source, f"{f.taken:,}", f"{f.rejected:,}") for f in intake.files]
    table("", ("file", "taken", "not taken"), rows, right=(1, 2), most=SHOWN)
    formats = ", ".join(f"{name} {count:,}" for name, count in intake.formats)
    say(f"\ntaken: {intake.taken:,}{f' ({formats})' if formats else ''}{f', in {kept_in}' if kept_in and intake.taken else ''}")
    if intake.unchanged:
        say(f"of these, {intake.unchanged:,} were in the store already, unchanged")
    if intake.grown:
        say(f"of these, {intake.grown:,} went on since they were stored, and stand there as they are now")
    if intake.spans or intake.repeated:
        say(f"spans: {intake.spans:,} new{f', {intake.repeated:,} there already' if intake.repeated else ''}")
    if intake.resumed:
        say(f"went on where an earlier import was broken off: {', '.join(intake.resumed[:SHOWN])}")
    if intake.feedback:
        say(f"feedback: {intake.feedback:,}")
    tell_empty(intake)
