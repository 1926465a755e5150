"""The composition root: the only place that builds adapters and puts them behind ports.

An adapter is imported where it is built, so that a command loads those that it uses.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from loopwright.adapters.store.whole_file import write_whole
from loopwright.adapters.vcs.git import Git
from loopwright.errors import UsageError
from loopwright.settings import FILE_NAME, Settings

if TYPE_CHECKING:
    from loopwright.adapters.otlp.sdk import SpanMemory
    from loopwright.adapters.store.result_file import ResultFile
    from loopwright.cluster.options import Options
    from loopwright.evaluate.fingerprint import Fingerprint
    from loopwright.evaluate.result import EvalResult
    from loopwright.gate.policy_change import Touched
    from loopwright.improve.verify import VerifyPolicy
    from loopwright.mine.detector import Detector
    from loopwright.ports import (
        Clock,
        Embedder,
        Executor,
        HarnessFile,
        Model,
        ProcessorTime,
        RecordReader,
        RunLog,
        Scaffold,
        Store,
        SuiteFiles,
        Target,
        TargetWith,
        TextReader,
        TraceReader,
        VersionControl,
    )
    from loopwright.registry import Registry
    from loopwright.watch.policy import WatchPolicy


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
    from loopwright.adapters.store.scaffold_files import ScaffoldFiles

    return ScaffoldFiles(folder)


def write_file(path: Path, text: str) -> None:
    """Write a file whole, or not at all; raises `OSError`. In a repository it is no change of the agent."""
    write_whole(path, text)
    note_written(path)


def note_written(path: Path) -> None:
    """Have git's repository there, if there is one, take a file that a command wrote for no change of the agent."""
    Git(path.parent).note_written(path)


def store(settings: Settings, create: bool = True) -> Store:
    """The store, to be closed (`with wiring.store(settings) as store`).

    With `create`, it reads as empty until the first write makes it; commands that only read pass False, and `StoreError` says
    what to do where there is none.
    """
    from loopwright.adapters.store.store import open_store  # brings SQLAlchemy, which file mode never needs

    return open_store(str(settings["store.url"]), settings.folder, create=create)


def version_control(folder: Path | None = None) -> VersionControl:
    """The repository that `folder` (by default the current one) is in."""
    return Git(folder or Path.cwd())


def repository(settings: Settings, *written: Path) -> VersionControl:
    """The repository of the settings' folder.

    The store, the suite's cases (each result has the digest of its own) and the files `written` by the command are no part of
    its tree.
    """
    return _git(settings, *written)


def _git(settings: Settings, *written: Path) -> Git:
    place = str(settings["store.url"]).partition("sqlite:///")[2]
    kept = [settings.folder / f"{place}{end}" for end in ("", "-wal", "-shm", "-journal")] if place else []
    cases = (settings.folder / str(settings["suite.folder"])).rglob("*.y*ml")
    return Git(settings.folder, leave_out=(*kept, *cases, *written))


def fingerprint(settings: Settings, release: str | None = None) -> Fingerprint:
    """What the agent in the settings' folder is made of now; `release` is its tag, otherwise git's at the current commit."""
    from loopwright.adapters.vcs.part_files import part_digest, patterns
    from loopwright.audit.digest import digest
    from loopwright.evaluate.fingerprint import SIGNIFICANT, Fingerprint

    git = _git(settings)
    folder = settings.folder
    parts = {name: part_digest(folder, str(settings[row]), row) for name in SIGNIFICANT for row in [f"fingerprint.{name}"]}
    named = {name: os.environ.get(name) for name in patterns(str(settings["fingerprint.model_env"]))}
    if named:
        parts["model"] = digest(parts["model"], named)
    return Fingerprint(code=git.head(), release=release or git.tag(), **parts)


def parts_changed_since(settings: Settings, name: str) -> tuple[str, ...]:
    """The parts of the agent that differ from how they were at a commit, tag or branch; raises `UsageError` for no such one."""
    from loopwright.adapters.vcs.part_files import patterns
    from loopwright.evaluate.fingerprint import SIGNIFICANT, changed_parts

    git = Git(settings.folder)
    commit = git.commit(name)
    changed = git.changed_since(commit) if commit is not None else None
    if commit is None or changed is None:
        raise UsageError(f"git knows no commit {name!r} here; give --since a commit, tag or branch (in CI: fetch it first)")
    files = {
        part: git.changed_since(commit, found) or frozenset()
        for part in SIGNIFICANT
        if (found := patterns(str(settings[f"fingerprint.{part}"])))
    }
    return changed_parts(changed, files)


def touched_since(settings: Settings, commit: str) -> Touched | None:
    """What of the gate's policy, of the suite and of all else git's files tell to have changed since; None where git cannot."""
    from loopwright.gate.policy_change import Touched

    git = Git(settings.folder)
    toml = settings.file.name if settings.file is not None and settings.file.parent == settings.folder else FILE_NAME
    policy = git.altered_since(commit, [toml])
    suite = git.altered_since(commit, [f"{settings['suite.folder']}/**"])
    every = git.altered_since(commit)
    if policy is None or suite is None or every is None:
        return None
    return Touched(tuple(sorted(policy)), tuple(sorted(suite)), tuple(sorted(every - policy - suite)))


def commit_of(version: str) -> str | None:
    """The commit that a version's name stands for in the repository of the current folder; None where git knows none."""
    return Git(Path.cwd()).commit(version)


def trace_reader(settings: Settings, *, keep_key: bool = False) -> TraceReader:
    """Traces out of files, folders and standard input, redacted; with `keep_key` the key of pseudonyms is kept for next time."""
    from loopwright.adapters.importers.reader import FileTraceReader
    from loopwright.wiring.collecting import redactor, with_cost

    return FileTraceReader(settings["import.max_line_bytes"], redactor(settings, keep_key=keep_key), finish=with_cost)


def span_memory() -> SpanMemory:
    """An OpenTelemetry exporter that keeps spans in memory and hands out traces, for an agent in this process."""
    from loopwright.adapters.otlp.sdk import SpanMemory  # brings the OpenTelemetry SDK

    return SpanMemory()


def text_reader() -> TextReader:
    """Files of text, such as CSV."""
    from loopwright.adapters.importers.text import FileTextReader

    return FileTextReader()


def watch_policy(settings: Settings) -> WatchPolicy:
    """How the watch compares, from settings."""
    from loopwright.watch.policy import WatchPolicy

    return WatchPolicy(
        current=timedelta(days=settings["watch.current_days"]),
        reference=timedelta(days=settings["watch.reference_days"]),
        alpha=settings["watch.alpha"],
        most=settings["watch.max_inputs"],
        lower_is_better=tuple(name for name in settings["watch.lower_is_better"].replace(",", " ").split()),
    )


def record_reader(settings: Settings) -> RecordReader:
    """JSON Lines records that are not traces: failures, trial results."""
    from loopwright.adapters.importers.reader import FileRecordReader

    return FileRecordReader(settings["import.max_line_bytes"])


def result_reader(
    settings: Settings, note: Callable[[str], None], format: str | None = None, pass_score: float = 1.0
) -> RecordReader:
    """Trial results in the gate's own format, or in another tool's; `note` is told what a person should know of a file."""
    from loopwright.adapters.importers.results.reader import FileResultReader

    return FileResultReader(settings["import.max_line_bytes"], format, pass_score, note)


def suite_files(settings: Settings) -> SuiteFiles:
    """The suite as YAML files."""
    from loopwright.adapters.store.suite_files import SuiteFolder

    return SuiteFolder()


def result_file(path: Path, replace: bool = False) -> ResultFile:
    """A file that a run keeps its results in, to be closed; `replace` gives up what it holds."""
    from loopwright.adapters.store.result_file import ResultFile

    return ResultFile(path, replace)


def result_line(result: EvalResult) -> bytes:
    """A result as the line that the gate reads."""
    from loopwright.adapters.store.result_file import encode

    return encode(result)


def memory_log() -> RunLog:
    """Results that are kept for one command only."""
    from loopwright.adapters.store.result_file import MemoryLog

    return MemoryLog()


def executor(settings: Settings) -> Executor:
    """What calls the target, several trials at once."""
    from loopwright.adapters.executors.local import LocalExecutor

    return LocalExecutor(settings["run.concurrency"])


def checks_limit() -> ProcessorTime:
    """The limit on the processor time of checks."""
    from loopwright.adapters.executors.processor_time import processor_time

    return processor_time


def protected_places(settings: Settings, kept: Store) -> dict[str, list[str]]:
    """The files and folders, absolute, that no proposal may write, by area."""
    toml = settings.file or settings.folder / "loopwright.toml"
    return {
        "evals": [str(settings.path("suite.folder").absolute())],
        "policy": [str(toml.absolute())],
        "audit": [kept.url.removeprefix("sqlite:///")],
    }


def harness_file(settings: Settings) -> HarnessFile:
    """The guards of the user's agent: harness.toml beside loopwright.toml."""
    from loopwright.adapters.store.harness_toml import HarnessToml

    return HarnessToml(settings.folder / "harness.toml")


def target_with(url: str, settings: Settings) -> TargetWith:
    """The agent under test with any harness, named in its environment; raises `UsageError` for one that runs elsewhere."""
    from loopwright.adapters.store.harness_toml import harness_text
    from loopwright.adapters.targets.with_harness import WithHarness

    if url.strip().partition(":")[0] in ("http", "https"):
        raise UsageError(f"target {url.strip()} runs elsewhere and cannot be given a harness; give a python: or command: target")
    target(url, settings)
    return lambda tables: WithHarness(lambda environment: target(url, settings, environment), harness_text(tables))


def verify_policy(settings: Settings) -> VerifyPolicy:
    """What the verification of proposals may spend, and which margins it grants."""
    from loopwright.improve.verify import VerifyPolicy

    return VerifyPolicy(
        alpha=settings["improve.alpha"],
        success_margin=settings["improve.success_margin"],
        runtime_margin=settings["improve.runtime_margin"],
        cost_margin=settings["improve.cost_margin"],
    )


def target(url: str, settings: Settings, environment: Mapping[str, str] | None = None) -> Target:
    """The agent under test, by the form of its `url`; raises `UsageError` for none and for a form that is not known.

    What a toml file names is found from that file's folder, what the command line names from the current one. `environment` is
    added to that of an agent which is started here.
    """
    spec = url.strip()
    from_file = settings.file is not None and settings.sources.get("target.url") == str(settings.file)
    scheme, _, rest = spec.partition(":")
    if scheme == "python":
        from loopwright.adapters.targets.python_function import PythonFunction

        return PythonFunction(rest, (str(settings.folder.resolve()),) if from_file else (), environment)
    if scheme == "command":
        from loopwright.adapters.targets.command import Command

        quoted = len(rest) > 1 and rest[0] == rest[-1] == '"' and '"' not in rest[1:-1]
        return Command(rest[1:-1] if quoted else rest, str(settings.folder) if from_file else None, environment)
    if scheme in ("http", "https"):
        from loopwright.adapters.targets.http import HttpService

        return HttpService(spec)
    forms = 'python:package.module:function, command:"./agent --flag" or an http(s) URL'
    if not spec:
        raise UsageError(f"no target is named; give --target {forms}, or set url under [target] in loopwright.toml")
    raise UsageError(f"unknown target {spec!r}; give {forms}")


def embedder(settings: Settings, note: Callable[[str], None]) -> Embedder:
    """What turns text into vectors, as `cluster.embedder` says; `note` is told what it chose, and what became of its cache."""
    from loopwright.adapters.embed.cache import default_folder  # brings numpy, which most commands never need
    from loopwright.adapters.embed.choice import choose

    return choose(str(settings["cluster.embedder"]), default_folder(os.environ, Path.home()), note)


def cluster_options(settings: Settings) -> Options:
    """How failures are grouped, from settings."""
    from loopwright.cluster.options import Options

    return Options(
        method=settings["cluster.method"],
        granularity=float(settings["cluster.granularity"]),
        min_size=int(settings["cluster.min_size"]),
    )


def detectors() -> Registry[Detector]:
    """The shipped detectors, and those that installed packages add as entry points of the group `loopwright.detectors`."""
    from importlib.metadata import entry_points

    from loopwright.mine.detector import Detector
    from loopwright.mine.detectors import shipped

    registry = shipped()
    for point in entry_points(group="loopwright.detectors"):
        try:
            found = point.load()
        except Exception as error:
            problem = f"detector {point.name!r} ({point.value}) cannot be loaded: {error}"
            raise UsageError(f"{problem}; mend or uninstall it") from error
        if not isinstance(found, Detector):
            raise UsageError(f"detector {point.name!r} ({point.value}) is no Detector; mend or uninstall it")
        registry.add(found.name, found)
    return registry


def model(name: str, settings: Settings) -> Model:
    """The language model of that name; raises `UsageError` where it cannot be used, `MissingExtraError` without the library."""
    from loopwright.adapters.llm.language_model import LanguageModel  # brings pydantic-ai, when it is used

    return LanguageModel(
        name,
        base_url=str(settings["model.base_url"]),
        timeout_s=float(settings["model.timeout"]),
        retries=int(settings["model.retries"]),
    )
