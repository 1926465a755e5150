"""What a run stands on: the agent under test, who calls it, the suite, and where results go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from loopwright.effects import CallTarget, TargetReply
    from loopwright.evaluate.case import EvalCase, Suite
    from loopwright.evaluate.result import EvalResult, Run


class Target(Protocol):
    """The agent under test."""

    @property
    def name(self) -> str:
        """As the user wrote it, such as `python:shop.agent:answer`."""

    async def open(self) -> None:
        """Get ready; raises `UsageError` where the target cannot be used at all."""

    async def call(self, request: CallTarget) -> TargetReply:
        """Answer one case once; failure and time-out are replies, not exceptions."""

    async def close(self) -> None:
        """Release what the target holds."""


HarnessTables = Mapping[str, Mapping[str, Any]]


TargetWith = Callable[[HarnessTables], Target]
"""The agent under test with a harness of these guards: by kind, the guard's parameters and its `mode`."""


class HarnessFile(Protocol):
    """The guards of the user's agent, as a file (`harness.toml`)."""

    @property
    def path(self) -> str:
        """Where it is, absolute."""

    def tables(self) -> dict[str, dict[str, Any]]:
        """Each guard's table by kind, empty where there is no file; raises `InputError` for one that cannot be read."""

    def put(self, kind: str, table: Mapping[str, Any] | None) -> None:
        """Write one guard's table, or with None take it out; all else stays as it is. Raises `InputError` where it could not."""


class Executor(Protocol):
    """How many trials at once, and where."""

    def run(self, calls: Iterable[CallTarget], target: Target) -> AsyncIterator[tuple[CallTarget, TargetReply]]:
        """Run the calls, yielding each reply as it comes, in any order."""


class ProcessorTime(Protocol):
    """A limit on the processor time of code that need not end by itself."""

    def __call__(self, seconds: float) -> AbstractContextManager[None]:
        """Raises `TimeoutError` in the body of the `with` once it used that much."""


class SuiteFiles(Protocol):
    """The suite as files in the user's repository."""

    def load(self, paths: Sequence[str], drafts: bool = False) -> Suite:
        """Read the approved cases, and with `drafts` the drafts too, of YAML files, or folders of them; raises `SuiteError`."""

    def write_drafts(self, cases: Sequence[EvalCase], folder: str) -> list[str]:
        """Write one file per failure mode; returns the paths of those that now hold the drafts.

        A file that a person changed is never overwritten, and is not among the paths.
        """

    def keep_edited(self, case: EvalCase, folder: str) -> str:
        """Write a draft as a person edited it, to its file or a new one in the folder; returns the path.

        It is never overwritten by drafting. Raises `SuiteError` where its file holds other cases too.
        """

    def append(self, case: EvalCase, folder: str) -> str:
        """Add an approved case to the folder, in a file of its own; returns the file's path.

        The untouched draft of the case is removed. Raises `SuiteError` where another case has the id.
        """

    def withdraw(self, case_id: str, folder: str) -> list[str]:
        """Take the drafts of a case that was rejected out of the folder; returns the paths of the files concerned.

        An untouched draft is removed; in a file that a person changed its status becomes rejected, so that it never runs.
        Raises `SuiteError` where that status cannot be set.
        """


class Scaffold(Protocol):
    """New files in the user's repository; what stands there is never overwritten."""

    def create(self, path: str, text: str) -> bool:
        """Write a new file; False where one of that name stands."""

    def ensure_line(self, path: str, line: str) -> bool:
        """Add a line at the end of a text file, made where there is none; False where the line is there."""


class RunLog(Protocol):
    """Where a run keeps its results as they come: the store, or a file."""

    def put_run(self, run: Run) -> None:
        """Write a run, or its new end time."""

    def runs(self) -> list[Run]:
        """All runs, oldest first."""

    def put_result(self, result: EvalResult) -> None:
        """Write one trial, durably; the same (run_id, eval_id, trial) again replaces nothing."""

    def results(self, run_id: str) -> list[EvalResult]:
        """All trials of a run."""
