"""Options of commands that take results of other tools, and the reader that they settle on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import typer

from loopwright import wiring
from loopwright.ports import RecordReader
from loopwright.settings import Settings


class ResultsFormat(StrEnum):
    """Which tool wrote a file of results."""

    LOOPWRIGHT = "loopwright"
    PROMPTFOO = "promptfoo"
    INSPECT = "inspect"
    DEEPEVAL = "deepeval"
    JUNIT = "junit"
    CSV = "csv"


RESULTS_FORMAT = typer.Option(
    None,
    "--results-format",
    help="What files are taken for that are not the gate's own lines; otherwise each is sniffed.",
    show_default=False,
)
PASS_SCORE = typer.Option(
    1.0, "--pass-score", help="A score of at least this passes, in files that hold scores and no verdicts (Inspect, CSV)."
)


@dataclass
class ResultsIn:
    """How files of results are read; `notes` collects what a person should know of them."""

    format: ResultsFormat | None = None
    pass_score: float = 1.0
    notes: list[str] = field(default_factory=list)

    def reader(self, settings: Settings) -> RecordReader:
        """The reader of these files."""
        return wiring.result_reader(settings, self.notes.append, self.format.value if self.format else None, self.pass_score)
