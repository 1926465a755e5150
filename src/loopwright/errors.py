"""Everything that Loopwright raises on purpose.

Each error names the wrong value, the place where it stands and the cure, on one line, and carries the exit code that the
command line ends with.

    LoopwrightError
    ├── UsageError            exit 64  wrong arguments, unknown command, missing name of the person who decides
    ├── InputError            exit 64  a file, line or value that cannot be taken
    │   ├── RecordError       exit 64  a record that is not what its format says
    │   ├── SuiteError        exit 64  an eval suite that cannot be read
    │   └── SettingError      exit 64  an unknown setting or a value out of range
    ├── MissingExtraError     exit 64  an optional dependency is not installed
    ├── StoreError            exit 64  the store cannot be opened, migrated or written
    ├── DuplicateNameError    exit 64  two plug-ins registered under one name
    ├── RuleError             exit 1   a hard rule forbids it
    ├── ServiceError          exit 2   a service on the network that cannot be reached, or refuses
    └── UndecidedError        exit 2   not enough evidence to decide
"""

from __future__ import annotations

import re

OK = 0
BLOCKED = 1
UNDECIDED = 2
USAGE = 64


_CREDENTIALS = re.compile(
    r"""(?<=://)(?:[^\s'"/:@]*:[^\s'"]*|[^\s'"/@]*)(?=@)|(?i:(?<=[?&]password=)|(?<=[?&]token=)|(?<=[?&]api_key=))[^&\s'"]+"""
)


def without_credentials(text: str) -> str:
    """`text` with the login of every URL in it, and passwords among its parameters, written as `***`."""
    return _CREDENTIALS.sub("***", text)


class LoopwrightError(Exception):
    """Base of all errors that are raised on purpose; its text is one line for a person."""

    exit_code: int = USAGE


class UsageError(LoopwrightError):
    """The command or call is wrong: nothing was read."""


class InputError(LoopwrightError):
    """A value that cannot be taken.

    `source` is the file or object, `line` counts from 1 (0 where lines have no meaning), `cure` says what to do.
    """

    def __init__(self, problem: str, *, source: str = "", line: int = 0, cure: str = "") -> None:
        self.problem = problem
        self.source = source
        self.line = line
        self.cure = cure
        place = f"{source}:{line}: " if source and line else f"{source}: " if source else ""
        super().__init__(f"{place}{problem}{'; ' + cure if cure else ''}")


class RecordError(InputError):
    """A record that is not what its format says. `reason` is the short kind that refusals are counted by."""

    def __init__(self, problem: str, *, cure: str = "", reason: str = "not of its format") -> None:
        self.reason = reason
        super().__init__(problem, cure=cure)


class SuiteError(InputError):
    """An eval suite that cannot be read: duplicate id, unknown check, missing field."""


class SettingError(InputError):
    """A setting that is unknown or whose value is not of its type or range."""


class MissingExtraError(LoopwrightError):
    """An optional dependency is missing; the message names the extra to install."""

    def __init__(self, feature: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{feature} needs an optional dependency; install it with: pip install 'loopwright[{extra}]'")


class StoreError(LoopwrightError):
    """The store cannot be opened, migrated or written."""


class DuplicateNameError(LoopwrightError):
    """Two implementations were registered under one name."""


class RuleError(LoopwrightError):
    """A hard rule forbids what was asked for; `rule` is its name, which the message tells."""

    exit_code = BLOCKED

    def __init__(self, rule: str, problem: str) -> None:
        self.rule = rule
        self.problem = problem
        super().__init__(f"refused by the rule {rule}: {problem}")


class ServiceError(LoopwrightError):
    """A service on the network cannot be reached, does not take the credentials, or answers with what cannot be read."""

    exit_code = UNDECIDED


class UndecidedError(LoopwrightError):
    """There is not enough evidence to decide."""

    exit_code = UNDECIDED
