"""What a pytest session with evals does beside testing: it repeats, collects, gathers, writes and decides."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopwright import wiring
from loopwright.collect.intake import Rejected
from loopwright.errors import USAGE, InputError, LoopwrightError
from loopwright.evaluate.result import Run
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision
from loopwright.gate.exchange import read_result
from loopwright.gate.explain import explain
from loopwright.gate.quarantine import Quarantine
from loopwright.ports import RecordReader
from loopwright.settings import Settings, load
from loopwright.surfaces.pytest_plugin.gathering import Gathered, Row
from loopwright.surfaces.pytest_plugin.marking import FIXTURE, mark_of, properties, trial_id
from loopwright.surfaces.pytest_plugin.suite import SuiteFile, SuiteRunner
from loopwright.wiring.gating import gate_policy, lenient
from loopwright.wording import counted
from loopwright.workflows.gating import Terms, gate_files, gate_store
from loopwright.workflows.quarantining import read_entries

STORE = "store"
SESSION = "this pytest session"
UNVERSIONED = "unversioned"
_DECIDED_ON = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class PluginSession:
    """One pytest session. Under xdist each worker has one that runs tests, and the controller one that gathers and decides.

    Raises `pytest.UsageError` for options that cannot be followed.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._worker = hasattr(config, "workerinput")
        self._gathered = Gathered()
        self._lines: list[str] = []
        self._settings = self._settle()
        self._started = wiring.clock().now()
        self._suite = [str(Path(path)) for path in config.getoption("loopwright_suite")]
        self._collected: set[Path] = set()
        self._runner = SuiteRunner(self._suite, self._settings) if self._suite else None
        self._baseline: str | None = config.getoption("loopwright_gate")
        self._refuse_mistakes()
        self._quarantines = self._read_quarantines()
        self._add_arguments()

    def parametrize(self, metafunc: pytest.Metafunc) -> None:
        """A test a trial, where there is more than one."""
        mark = mark_of(metafunc.definition)
        if mark.trials > 1:
            if FIXTURE not in metafunc.fixturenames:
                metafunc.fixturenames.append(FIXTURE)
            metafunc.parametrize(FIXTURE, range(mark.trials), indirect=True, ids=trial_id)

    def mark(self, item: pytest.Item) -> None:
        """Give a marked test the properties that its reports carry."""
        item.user_properties += properties(item, mark_of(item))

    def collect(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """The collector of a file of the suite; None for any other."""
        if self._runner is None or path.suffix not in (".yaml", ".yml") or not self._is_suite(path) or path in self._collected:
            return None
        self._collected.add(path)
        file: SuiteFile = SuiteFile.from_parent(parent, path=path)
        file.runner = self._runner
        return file

    def take(self, report: pytest.TestReport) -> None:
        """A report, in the process that decides."""
        if not self._worker:
            self._gathered.take(report)

    def finish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the results and decide; the decision is the exit status of a session in which no other test failed."""
        if self._runner is not None:
            self._runner.close()
        if self._worker or self._config.option.collectonly:
            return
        rows = self._gathered.rows(self._common())
        try:
            self._write(rows)
            if self._baseline is None:
                return
            if exitstatus not in _DECIDED_ON:
                self._lines = ["UNDECIDED  the session did not come to its end, and nothing was decided."]
                return
            decision = self._decide(rows)
        except LoopwrightError as error:
            self._lines = [f"loopwright: {error}"]
            session.exitstatus = pytest.ExitCode.USAGE_ERROR if error.exit_code == USAGE else error.exit_code
            return
        others = session.testsfailed - self._gathered.failures
        self._lines = self._told(decision, others)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED if others else decision.exit_code

    def summarise(self, terminal: pytest.TerminalReporter) -> None:
        """The decision as a section of the summary, its verdict first."""
        if self._lines:
            terminal.section("loopwright gate")
            for line in self._lines:
                terminal.write_line(line)

    def _settle(self) -> Settings:
        option = self._config.getoption
        target = option("loopwright_target")
        if target and not target.startswith(("python:", "command:", "http:", "https:")):
            target = f"python:{target}"
        given = {"target.url": target, "run.trials": option("loopwright_trials")}
        try:
            return load(given, start=self._config.invocation_params.dir)
        except LoopwrightError as error:
            raise pytest.UsageError(str(error)) from None

    def _refuse_mistakes(self) -> None:
        """What would only be noticed after all tests have run."""
        baseline = self._baseline
        if baseline not in (None, STORE) and (baseline.endswith(".py") or Path(baseline.partition("::")[0]).is_dir()):
            raise pytest.UsageError(
                f"--loopwright-gate took {baseline!r} for a baseline; write --loopwright-gate=FILE, or put the option last"
            )
        if self._suite and not self._settings["target.url"]:
            raise pytest.UsageError("--loopwright-suite needs the agent that it is run against; give --loopwright-target")
        for path in self._suite:
            if not Path(path).exists():
                raise pytest.UsageError(f"--loopwright-suite names {path!r}, and there is no such file or folder")

    def _read_quarantines(self) -> tuple[Quarantine, ...]:
        file = self._config.getoption("loopwright_quarantine")
        if file is None:
            return ()
        if self._baseline is None:
            raise pytest.UsageError("--loopwright-quarantine is heeded by the gate; give --loopwright-gate too")
        try:
            return tuple(read_entries(wiring.record_reader(self._settings), file))
        except LoopwrightError as error:
            raise pytest.UsageError(str(error)) from None

    def _terms(self, *doubts: str) -> Terms:
        return Terms(
            doubts=doubts,
            quarantines=self._quarantines,
            at=wiring.clock().now(),
            lenient=lenient(self._settings),
            touched=lambda commit: wiring.touched_since(self._settings, commit),
        )

    def _add_arguments(self) -> None:
        """Have pytest look into the suite too, unless a part of it is named."""
        named = [Path(argument.partition("::")[0]).resolve() for argument in self._config.args]
        for path in self._suite:
            inside = Path(path).resolve()
            if not any(one == inside or inside in one.parents for one in named):
                self._config.args.append(path)

    def _is_suite(self, path: Path) -> bool:
        found = path.resolve()
        return any(found == Path(one).resolve() or Path(one).resolve() in found.parents for one in self._suite)

    def _common(self) -> dict[str, Any]:
        version = self._config.getoption("loopwright_version") or wiring.repository(self._settings).head() or UNVERSIONED
        return {"run_id": f"pytest-{self._started:%Y%m%dT%H%M%S%f}", "version": version}

    def _write(self, rows: list[Row]) -> None:
        out = self._config.getoption("loopwright_out")
        if out is not None:
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            try:
                wiring.write_file(Path(out), text)
            except OSError as error:
                cure = "name another file with --loopwright-out"
                raise InputError(f"cannot be written: {error.strerror}", source=out, cure=cure) from None

    def _decide(self, rows: list[Row]) -> GateDecision:
        policy = gate_policy(self._settings)
        if not rows:
            what = "no eval ran in this session; mark tests with @pytest.mark.loopwright, or give --loopwright-suite"
            return decide([], [], policy, doubts=[what])
        if self._baseline == STORE:
            return self._decide_in_store(rows)
        reader = _WithSession(rows, wiring.result_reader(self._settings, lambda _: None))
        baseline = str(self._baseline)
        if Path(baseline).exists():
            return asyncio.run(gate_files(reader, [baseline], SESSION, policy, terms=self._terms()))
        cure = f"make it of a session on the released version: pytest --loopwright-out {shlex.quote(baseline)}"
        terms = self._terms(f"{baseline} does not exist; {cure}")
        return asyncio.run(gate_files(reader, [], SESSION, policy, terms=terms))

    def _decide_in_store(self, rows: list[Row]) -> GateDecision:
        """Keep the results as a run, and decide on that."""
        results = [read_result(row, SESSION, number) for number, row in enumerate(rows, 1)]
        now = wiring.clock().now()
        digests = {result.suite_digest for result in results}
        suite_digest = next(iter(digests), None) if len(digests) == 1 else None
        made_of = wiring.fingerprint(self._settings)
        run = Run(
            results[0].run_id,
            results[0].version or UNVERSIONED,
            suite_digest or "",
            "pytest",
            self._started,
            finished_at=now,
            planned=len(results),
            fingerprint=made_of,
        )
        with wiring.store(self._settings) as store:
            with store.transaction():
                store.put_run(run)
                for result in results:
                    store.put_result(result)
            policy, terms = gate_policy(self._settings), self._terms()
            return asyncio.run(gate_store(store, policy, now, run_id=run.run_id, made_of=made_of, terms=terms))

    def _told(self, decision: GateDecision, others: int) -> list[str]:
        lines = explain(decision).splitlines()
        notes = []
        if self._gathered.skipped:
            notes.append(f"{counted(self._gathered.skipped, 'eval')} skipped, and no trial.")
        if self._gathered.failures:
            notes.append("Trials that failed are shown above; by themselves they fail nothing: the decision is the exit status.")
        if others:
            notes.append(f"{counted(others, 'other test')} failed, so that the session fails whatever is decided here.")
        return [*lines, *([""] if notes else []), *notes]


class _WithSession:
    """The `RecordReader` port over the session's rows, and over files."""

    def __init__(self, rows: list[Row], files: RecordReader) -> None:
        self._rows, self._files = rows, files

    def read(self, path: str) -> Iterator[tuple[int, dict[str, Any]] | Rejected]:
        """The session's rows under its name, otherwise those of a file."""
        return iter(list(enumerate(self._rows, 1))) if path == SESSION else self._files.read(path)
