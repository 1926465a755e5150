"""Where a decision is told: on stdout in one of several forms, and in files beside it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import SuiteError, UsageError
from loopwright.gate.decision import GateDecision
from loopwright.gate.exchange import decision_record
from loopwright.gate.explain import explain
from loopwright.settings import Settings
from loopwright.surfaces.cli.page_file import check_place, check_spares, write_file
from loopwright.surfaces.cli.terminal import emit, note, say, visible
from loopwright.surfaces.reports.gate_annotations import gate_annotations
from loopwright.surfaces.reports.gate_junit import Place, gate_junit
from loopwright.surfaces.reports.gate_markdown import SUMMARY, gate_markdown
from loopwright.surfaces.reports.gate_page import gate_page

STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


class DecisionFormat(StrEnum):
    """What goes to stdout."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    GITHUB = "github"


DECISION_FORMAT = typer.Option(
    DecisionFormat.TEXT,
    "--format",
    help="What stdout holds: text for people, json, markdown, junit (XML), or github: annotations, and the text beside them.",
)
MARKDOWN = typer.Option(
    None, "--markdown", metavar="FILE", help="Write it as Markdown too, for a comment (at most 65,536 bytes).", show_default=False
)
HTML = typer.Option(None, "--html", metavar="FILE", help="Write it as a page with plots too.", show_default=False)
JUNIT = typer.Option(None, "--junit", metavar="FILE", help="Write it as JUnit XML too: a test a case.", show_default=False)
ANNOTATIONS = typer.Option(
    None, "--annotations", metavar="FILE", help="Write it as GitHub workflow commands too.", show_default=False
)
SUMMARY_OPTION = typer.Option(
    False, "--summary", help=f"Add it to the summary of the GitHub step, where {STEP_SUMMARY} names its file."
)
SUITE = typer.Option(
    None, "--suite", metavar="PATH", help="Where cases stand, for JUnit and annotations of files; a store's are known.",
    show_default=False,
)  # fmt: skip


@dataclass(frozen=True)
class Outputs:
    """What was asked for beside the exit code."""

    format: DecisionFormat = DecisionFormat.TEXT
    markdown: Path | None = None
    junit: Path | None = None
    annotations: Path | None = None
    summary: bool = False
    html: Path | None = None

    @property
    def _files(self) -> dict[str, Path]:
        named = {"--markdown": self.markdown, "--junit": self.junit, "--annotations": self.annotations, "--html": self.html}
        return {flag: path for flag, path in named.items() if path is not None}

    def check(self, inputs: Sequence[str], compared: bool = True) -> None:
        """Raise `UsageError`, before the work is done, for a file that cannot be written, is read, or is named twice."""
        if not compared and (self._files or self.summary):
            raise UsageError("--establish decides nothing that could be written; leave --markdown, --junit and the like out")
        known: dict[Path, str] = {}
        for flag, path in self._files.items():
            check_place(path, flag)
            check_spares(path, inputs, flag)
            other = known.setdefault(path.resolve(), flag)
            if other != flag:
                raise UsageError(f"{other} and {flag} both name {path}; give each a file of its own")

    def tell(self, decision: GateDecision, settings: Settings, suite: Path | None, in_files: bool) -> None:
        """Write the files and the step's summary, and print the decision."""
        wanted = self.junit or self.annotations or self.format in (DecisionFormat.JUNIT, DecisionFormat.GITHUB)
        places = _places(settings, suite, in_files) if wanted else {}
        if self.markdown is not None:
            write_file(self.markdown, gate_markdown(decision), "--markdown")
        if self.junit is not None:
            write_file(self.junit, gate_junit(decision, places), "--junit")
        if self.annotations is not None:
            write_file(self.annotations, gate_annotations(decision, places), "--annotations")
        if self.html is not None:
            write_file(self.html, gate_page(decision), "--html")
        if self.summary:
            _add_summary(decision)
        self._print(decision, places)

    def _print(self, decision: GateDecision, places: dict[str, Place]) -> None:
        match self.format:
            case DecisionFormat.JSON:
                emit(json.dumps(decision_record(decision), allow_nan=False))
            case DecisionFormat.MARKDOWN:
                emit(gate_markdown(decision).rstrip("\n"))
            case DecisionFormat.JUNIT:
                emit(gate_junit(decision, places).rstrip("\n"))
            case DecisionFormat.GITHUB:
                emit(gate_annotations(decision, places) + _inert(explain(decision)))
            case _:
                say(explain(decision))


def _inert(text: str) -> str:
    """Text in which the runner looks for no commands: production text in it could be one."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{visible(text)}\n::{token}::"


def _places(settings: Settings, suite: Path | None, in_files: bool) -> dict[str, Place]:
    """Where the cases stand, as the repository names the files; in file mode only those of a suite that was named."""
    folder = suite if suite is not None else settings.path("suite.folder")
    if suite is None and (in_files or not folder.is_dir()):
        return {}
    try:
        cases = wiring.suite_files(settings).load([str(folder)]).cases
    except SuiteError as error:
        if suite is not None:
            raise
        note(f"where cases stand is not told: {error}")
        return {}
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    return {case.id: Place(_within(Path(case.file), root), case.line) for case in cases if case.file}


def _within(file: Path, root: Path) -> str:
    whole = file.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else file.as_posix()


def _add_summary(decision: GateDecision) -> None:
    """Append to the step's summary what there is room for."""
    name = os.environ.get(STEP_SUMMARY)
    if not name:
        note(f"--summary: {STEP_SUMMARY} is not set here, so that there is no summary to add to")
        return
    file = Path(name)
    try:
        held = file.stat().st_size if file.exists() else 0
        with file.open("a", encoding="utf-8") as summary:
            summary.write(gate_markdown(decision, max(0, SUMMARY - held)))
    except OSError as error:
        raise UsageError(f"{STEP_SUMMARY} {name} cannot be written: {error.strerror or error}") from None
