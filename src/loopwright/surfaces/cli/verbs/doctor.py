"""`loopwright doctor`: what is set, what works, how far adoption is, and the one next step."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.errors import BLOCKED, without_credentials
from loopwright.evaluate.case import Suite
from loopwright.gate.doubt import named
from loopwright.ports import Target, VersionControl
from loopwright.settings import SETTINGS, Settings
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, settle
from loopwright.surfaces.cli.terminal import emit, say, table
from loopwright.surfaces.cli.verbs.init import TARGET
from loopwright.wording import counted
from loopwright.workflows.adoption import Absent, Evidence, Examination, examine

app = typer.Typer(add_completion=False)

CI_FILES = (
    ".github/workflows/*.y*ml",
    "*gitlab-ci.y*ml",
    ".gitlab/**/*.y*ml",
    ".circleci/*.y*ml",
    "azure-pipelines.y*ml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile",
    ".ci/*",
)
_MARK = {True: "ok", False: "broken", None: "-"}


@app.command()
def doctor(config: Path | None = CONFIG, format: OutputFormat = FORMAT) -> None:
    """Say what is set and what works, how far adoption is, and the one next step.

    Reads the settings, the suite, the store, harness.toml, the CI files and the target; writes nothing. The stage is one of the
    five of the adoption path (manual evals, failure logging, triage, clustering, gating), and is told from evidence: cases
    written, traces kept, decisions taken.

    Exit code: 0 when all that is there works, 1 when something is broken. What is not there yet is not broken.

    For example:

        loopwright doctor --format json
    """
    settings = settle(config)
    known = Evidence(own_target=settings["target.url"] not in ("", TARGET), ci=ci_files(settings.folder))
    examined = examine(
        _looks(settings),
        lambda: _target(settings),
        lambda: _suite(settings),
        lambda: wiring.store(settings),
        known,
        wiring.harness_file(settings),
    )
    found = asyncio.run(examined)
    if format is OutputFormat.JSON:
        emit(json.dumps(plain(settings, found), ensure_ascii=False))
    else:
        tell(settings, found)
    if found.broken:
        raise typer.Exit(BLOCKED)


def ci_files(folder: Path) -> tuple[str, ...]:
    """The CI files under `folder` that run the gate, as paths relative to it."""
    files = sorted({file for pattern in CI_FILES for file in folder.glob(pattern) if file.is_file()})
    return tuple(str(file.relative_to(folder)) for file in files if b"loopwright gate" in file.read_bytes())


def plain(settings: Settings, found: Examination) -> dict[str, Any]:
    """The examination as JSON."""
    return {
        "settings": [{"name": r.name, "value": shown(settings, r.name), "source": source(settings, r.name)} for r in SETTINGS],
        "findings": [dataclasses.asdict(finding) for finding in found.findings],
        "evidence": dataclasses.asdict(found.evidence) if found.evidence else None,
        "adoption": dataclasses.asdict(found.adoption) if found.adoption else None,
    }


def tell(settings: Settings, found: Examination) -> None:
    """The examination for a person."""
    table(
        "Settings", ("setting", "value", "from"), [(r.name, shown(settings, r.name), source(settings, r.name)) for r in SETTINGS]
    )
    say("")
    table("Environment", ("", "", ""), [(f.name, _MARK[f.ok], f.detail) for f in found.findings])
    say("")
    if found.adoption is None:
        say("How far adoption is cannot be told before this is mended:")
    else:
        stages = [(s.number, s.name, "complete" if s.complete else "", s.evidence) for s in found.adoption.stages]
        table("Adoption", ("stage", "", "", "evidence"), stages, right=(0,))
        say(f"\nYou are at stage {found.adoption.number} of 5, {found.adoption.name}: {found.adoption.why}.")
    if found.broken:
        say(f"Next: mend {found.broken[0].name}: {found.broken[0].detail}")
    elif found.adoption is not None:
        say(f"Next: {found.adoption.next.what}\n  {found.adoption.next.command}")


def shown(settings: Settings, name: str) -> Any:
    """A setting's value, without the credentials that a URL may hold."""
    value = settings[name]
    return without_credentials(value) if isinstance(value, str) else value


def source(settings: Settings, name: str) -> str:
    """Where a setting's value came from."""
    return settings.sources.get(name, "default")


def _looks(settings: Settings) -> dict[str, Any]:
    return {
        "python": lambda: f"{platform.python_version()} at {sys.executable}",
        "loopwright": lambda: version("loopwright"),
        "git": lambda: _commit(wiring.repository(settings)),
        "embedder": lambda: _embedder(settings),
        "harness": lambda: _harness(settings),
    }


def _commit(repository: VersionControl) -> str | Absent:
    """The commit, and the files by which the working tree is another agent than it."""
    head = repository.head()
    if head is None:
        return Absent(repository.why_no_head())
    differ = repository.differing() if "-dirty" in head else ()
    return f"{head}; changed or new: {named(differ)}. Have git ignore what is no part of the agent" if differ else head


def _embedder(settings: Settings) -> str:
    """Its name and what it says of itself, after it was seen to work."""
    said: list[str] = []
    embedder = wiring.embedder(settings, said.append)
    embedder.embed(["a refund for a late flight"])
    return "; ".join((embedder.name, *said))


def _harness(settings: Settings) -> str | Absent:
    """How many guards there are, after the whole file was seen to be taken."""
    modes = [str(table.get("mode", "shadow")) for table in wiring.harness_file(settings).tables().values()]
    return f"{counted(len(modes), 'guard')}, {modes.count('enforce')} of them enforced" if modes else Absent()


def _target(settings: Settings) -> Target | None:
    url = str(settings["target.url"])
    return wiring.target(url, settings) if url else None


def _suite(settings: Settings) -> Suite | None:
    folder = settings.path("suite.folder")
    return wiring.suite_files(settings).load([str(folder)]) if folder.exists() else None
