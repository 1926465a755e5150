"""Production text in the reports of a decision: on one line, of a bounded length, with nothing in it that a reader acts on."""

from __future__ import annotations

from loopwright.collect.intake import printable
from loopwright.gate.decision import Overridden
from loopwright.wording import counted


def clipped(text: str, width: int) -> str:
    """`text` on one printable line; of more than `width` characters, how many are left out."""
    line = printable(text)
    return line if len(line) <= width else f"{line[:width]}... ({counted(len(line) - width, 'more character')})"


def overridden(override: Overridden) -> str:
    """Who lets it ship all the same, and why."""
    cases = f" for {', '.join(override.eval_ids)}" if override.eval_ids else ""
    by, why = " and ".join(override.by), "; ".join(override.why)
    return f"Overridden by {by}{cases} until {override.until:%Y-%m-%d}, and ships: {why}."
