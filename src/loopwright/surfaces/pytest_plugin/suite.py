"""Suite files as pytest collects them: each trial of each case is a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopwright import wiring
from loopwright.errors import LoopwrightError, UsageError
from loopwright.evaluate.case import EvalCase, Suite
from loopwright.evaluate.judging import needs_judge
from loopwright.evaluate.result import EvalResult, Run
from loopwright.evaluate.sealed import sealed_ids
from loopwright.evaluate.trial import Trial
from loopwright.settings import Settings
from loopwright.surfaces.pytest_plugin.marking import PREFIX, trial_id
from loopwright.workflows.judging import judge_as_known
from loopwright.workflows.running import Bench, results_of

_LEFT_OUT = ("run_id", "passed", "version", "output", "checks", "error", "tags")


class NotPassedError(Exception):
    """A trial that did not pass; its text says why, check by check."""


class SuiteRunner:
    """Runs single trials of a suite against the target, which is opened once, in this process."""

    def __init__(self, paths: list[str], settings: Settings) -> None:
        self._paths, self._settings = paths, settings
        self._suite: Suite | None = None
        self._bench: Bench | None = None
        self._runner = asyncio.Runner()

    @property
    def suite(self) -> Suite:
        """The approved cases; raises `LoopwrightError` for a suite that cannot be read."""
        if self._suite is None:
            self._suite = wiring.suite_files(self._settings).load(self._paths)
        return self._suite

    @property
    def trials(self) -> int:
        """Trials of each case that does not say its own number."""
        return int(self._settings["run.trials"])

    def run(self, case: EvalCase, number: int) -> EvalResult:
        """The result of one trial; raises `LoopwrightError` where the target cannot be used at all."""
        return self._runner.run(self._run(Trial(case, number, case.timeout_s or self._settings["run.timeout"])))

    def sealed(self, case: EvalCase) -> bool:
        """Whether the case is one that nothing is tuned on."""
        return case.id in sealed_ids(self.suite, self._settings["suite.sealed_share"])

    def close(self) -> None:
        """Let go of the target."""
        if self._bench is not None:
            self._runner.run(self._bench.target.close())
        self._runner.close()

    async def _run(self, trial: Trial) -> EvalResult:
        if self._bench is None:
            made = self._made()
            await made.target.open()
            self._bench = made
        run = Run("", "", self.suite.digest, self._bench.target.name, self._bench.clock.now())
        async for result in results_of([trial], run, self._bench):
            return result
        raise UsageError(f"the target {self._bench.target.name} gave no answer to {trial.case.id}")

    def _made(self) -> Bench:
        settings = self._settings
        name = str(settings["judge.model"])
        judged = bool(name) and any(map(needs_judge, self.suite.cases))
        return Bench(
            wiring.target(str(settings["target.url"]), settings),
            wiring.executor(settings),
            wiring.memory_log(),
            wiring.clock(),
            wiring.checks_limit(),
            judge_as_known(None, name) if judged else None,
            wiring.model(name, settings) if judged else None,
        )


class SuiteFile(pytest.File):
    """One file of the suite."""

    runner: SuiteRunner

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each trial of each case in the file."""
        try:
            cases = [case for case in self.runner.suite.cases if Path(case.file).resolve() == self.path.resolve()]
        except LoopwrightError as error:
            raise self.CollectError(str(error)) from None
        for case in cases:
            count = case.trials or self.runner.trials
            for number in range(count):
                name = f"{case.id}[{trial_id(number)}]" if count > 1 else case.id
                item: SuiteItem = SuiteItem.from_parent(self, name=name)
                item.runner, item.case, item.number = self.runner, case, number
                item.user_properties += [(PREFIX + "eval_id", case.id), (PREFIX + "trial", number)]
                yield item


class SuiteItem(pytest.Item):
    """One trial of one case."""

    runner: SuiteRunner
    case: EvalCase
    number: int

    def runtest(self) -> None:
        """Ask the agent and check its answer; raises `NotPassedError`."""
        result = self.runner.run(self.case, self.number)
        row = json.loads(wiring.result_line(result))
        known = {name for name, _ in self.user_properties}
        told = {name: value for name, value in row.items() if name not in _LEFT_OUT}
        told |= {"tags": ",".join(result.tags), "error": result.error if result.passed is None else None}
        told["sealed"] = self.runner.sealed(self.case) or None
        self.user_properties += [(PREFIX + n, v) for n, v in told.items() if v not in (None, "") and PREFIX + n not in known]
        if result.passed is not True:
            raise NotPassedError(_why(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Why the trial did not pass, without the way through our code."""
        if isinstance(excinfo.value, NotPassedError | LoopwrightError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands in its file."""
        return self.path, max(0, self.case.line - 1), self.name


def _why(result: EvalResult) -> str:
    lines = [f"{check.type}: {check.reason}" for check in result.checks if check.passed is not True]
    head = "no verdict" if result.passed is None else "failed"
    answer = [f"answer: {result.output[:500]}"] if result.output else []
    return "\n".join([f"{head}: {result.error}" if result.error else head, *lines, *answer])
