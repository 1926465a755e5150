"""The `pytest11` shim: registered with pytest in every project that has Loopwright installed.

It loads nothing of ours until a hook needs it, so that an installed but unused Loopwright costs a test run nothing: what needs it
is a test with the marker `loopwright`, or an option `--loopwright-...`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

PREFIX = "loopwright."
"""Begins the names of a report's properties that are fields of a result."""

_MARKER = (
    "loopwright(trials=1, mode=None, deterministic=None, layer=None, tags=(), id=None): an eval of the agent. "
    "Each trial is a test of its own; --loopwright-gate decides on them together."
)
_IMPLEMENTATION = "loopwright.surfaces.pytest_plugin.plugin"
_OPTIONS = ("suite", "target", "trials", "version", "gate", "quarantine", "out")
_STORE = "store"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each under its own name of ours."""
    group = parser.getgroup("loopwright", "Loopwright: evals of an agent, and the gate over them")
    group.addoption(
        "--loopwright-suite",
        action="append",
        default=[],
        metavar="PATH",
        help="Collect a suite's YAML file, or a folder of them: each trial of each case is a test. May be repeated.",
    )
    group.addoption(
        "--loopwright-target",
        metavar="TARGET",
        help='The agent that the suite is run against: module:function, command:"./agent" or an http(s) URL.',
    )
    group.addoption("--loopwright-trials", type=int, metavar="N", help="Trials of each case of the suite that names no number.")
    group.addoption("--loopwright-version", metavar="VERSION", help="The agent's version; otherwise git's head.")
    group.addoption(
        "--loopwright-gate",
        nargs="?",
        const=_STORE,
        metavar="BASELINE",
        help="Decide on the results together, against a file of results (--loopwright-gate=main.jsonl), or, without one, "
        "against the store's baseline. A failing trial then fails nothing by itself: blocked ends with 1, undecided with 2.",
    )
    group.addoption(
        "--loopwright-quarantine",
        metavar="FILE",
        help="With --loopwright-gate: cases in quarantine, a line a case, as loopwright gate quarantine add --file writes them.",
    )
    group.addoption("--loopwright-out", metavar="FILE", help="Write the results, a line a trial, as loopwright gate reads them.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and what gathers results."""
    config.addinivalue_line("markers", _MARKER)
    config.pluginmanager.register(_Hooks(config), "loopwright-hooks")


@pytest.fixture
def loopwright_trial(request: pytest.FixtureRequest) -> int:
    """Which trial of its case this is, from 0: a seed, for instance."""
    return int(getattr(request, "param", 0))


class _Hooks:
    """What pytest calls. The session of ours is made when something is marked, or asked for by an option."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session: Any = None
        if any(config.getoption(f"loopwright_{name}") not in (None, []) for name in _OPTIONS):
            self._loaded()

    def _loaded(self) -> Any:
        if self._session is None:
            self._session = import_module(_IMPLEMENTATION).PluginSession(self._config)
        return self._session

    @pytest.hookimpl(trylast=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A marked test becomes one test a trial; what else it is parametrised with comes first in its id."""
        if metafunc.definition.get_closest_marker("loopwright") is not None:
            self._loaded().parametrize(metafunc)

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A file of the suite."""
        return self._session.collect(file_path, parent) if self._session is not None else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Marked tests get the properties that their reports carry."""
        for item in items:
            if item.get_closest_marker("loopwright") is not None:
                self._loaded().mark(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Where results come together: in this process, or from all workers."""
        if report.user_properties and any(name.startswith(PREFIX) for name, _ in report.user_properties):
            self._loaded().take(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write, decide, and settle the exit status."""
        if self._session is not None:
            self._session.finish(session, exitstatus)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The decision, its verdict first."""
        if self._session is not None:
            self._session.summarise(terminalreporter)
