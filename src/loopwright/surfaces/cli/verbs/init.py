"""`loopwright init`: the first files of the loop, in a minute."""

from __future__ import annotations

import asyncio
import json
import shlex
import textwrap
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import LoopwrightError
from loopwright.evaluate.suite import schema_text
from loopwright.settings import FILE_NAME, SETTINGS, Setting, load
from loopwright.surfaces.cli.options import FORMAT, OutputFormat
from loopwright.surfaces.cli.terminal import emit, note
from loopwright.workflows.scaffolding import IGNORED, Scaffolded, scaffold

app = typer.Typer(add_completion=False)

TARGET = "python:agent_example:answer"
EXAMPLES = ("agent_example.py", "evals/first_cases.yaml")
HOOK = ".githooks/pre-push"


class CI(StrEnum):
    """Which CI service gets a workflow."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


_CI_FILES = {CI.GITHUB: (".github/workflows/loopwright.yml", "github.yml"), CI.GITLAB: ("loopwright.gitlab-ci.yml", "gitlab.yml")}


@app.command()
def init(
    folder: Path = typer.Argument(Path(), file_okay=False, help="The repository's folder."),
    ci: CI = typer.Option(CI.GITHUB, "--ci", help="The CI workflow to write: it runs the suite and gates on a cached baseline."),
    hook: bool = typer.Option(False, "--hook", help="Write a pre-push hook too, .githooks/pre-push: it runs suite and gate."),
    format: OutputFormat = FORMAT,
) -> None:
    """Scaffold the first files of the loop: settings, example cases, an example agent, a CI workflow.

    Writes loopwright.toml, agent_example.py, evals/first_cases.yaml with the schema by which editors check it, the CI workflow,
    and three lines in .gitignore. A file that is there already is kept as it is, and named. Where loopwright.toml names an agent
    of your own, the examples are left out. Nothing else is touched, and nothing is asked.

    For example:

        loopwright init && loopwright run
    """
    own_agent = _target_in(folder / FILE_NAME) not in ("", TARGET)
    texts = {path: text for path, text in _texts(ci, hook).items() if path not in EXAMPLES or not own_agent}
    done = asyncio.run(scaffold(wiring.scaffold_files(folder), texts))
    if format is OutputFormat.JSON:
        emit(json.dumps({"created": done.created, "kept": done.kept}))
        return
    _tell(done, folder, ci)


def toml(target: str) -> str:
    """A loopwright.toml that names the target, with every other setting of the table as a comment."""
    lines = ["# Loopwright's settings. Each stands here with its default; take the # before its name away to change it.",
             "# The environment and the command line go before this file: LOOPWRIGHT_GATE_ALPHA=0.01, --alpha 0.01."]  # fmt: skip
    section = ""
    groups = list(dict.fromkeys(row.name.split(".", 1)[0] for row in SETTINGS))
    for row in sorted(SETTINGS, key=lambda row: groups.index(row.name.split(".", 1)[0])):
        group, key = row.name.split(".", 1)
        if group != section:
            lines += ["", f"[{group}]"]
            section = group
        lines += textwrap.wrap(f"{row.help} ({_unit(row)})", 100, initial_indent="# ", subsequent_indent="# ")
        lines.append(f"{key} = {json.dumps(target)}" if row.name == "target.url" else f"# {key} = {json.dumps(row.default)}")
    return "\n".join(lines) + "\n"


def _unit(row: Setting) -> str:
    return ", ".join(row.choices) if row.choices else row.unit


def _texts(ci: CI, hook: bool) -> dict[str, str]:
    templates = files("loopwright.surfaces.cli") / "scaffold"
    texts = {
        FILE_NAME: toml(TARGET),
        "agent_example.py": (templates / "agent_example.py").read_text(encoding="utf-8"),
        "evals/suite.schema.json": schema_text(),
        "evals/first_cases.yaml": (templates / "cases.yaml").read_text(encoding="utf-8"),
    }
    if ci in _CI_FILES:
        path, template = _CI_FILES[ci]
        texts[path] = (templates / template).read_text(encoding="utf-8")
    if hook:
        texts[HOOK] = (templates / "pre-push").read_text(encoding="utf-8")
    return texts


def _tell(done: Scaffolded, folder: Path, ci: CI) -> None:
    for path in done.created:
        note(f"added {', '.join(IGNORED)} to {folder / path}" if path == ".gitignore" else f"wrote {folder / path}")
    for path in done.kept:
        note(f"kept  {folder / path}, which was there")
    if ci is CI.GITLAB:
        note("In .gitlab-ci.yml, include it: {local: loopwright.gitlab-ci.yml}")
    if HOOK in (*done.created, *done.kept):
        note("Switch the hook on: git config core.hooksPath .githooks")
    place = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    target = "" if FILE_NAME in done.created or _target_in(folder / FILE_NAME) else f" --target {TARGET}"
    note(f"\nNext: {place}loopwright run{target}")


def _target_in(file: Path) -> str:
    """The agent that the settings file names; one that cannot be read, or is not there, names none."""
    try:
        return str(load(file=file, environ={})["target.url"]) if file.exists() else ""
    except LoopwrightError:
        return ""
