"""All checks, by name."""

from __future__ import annotations

from loopwright.evaluate.check import CheckType
from loopwright.evaluate.data_checks import DATA_CHECKS
from loopwright.evaluate.signal_checks import SIGNAL_CHECKS
from loopwright.evaluate.text_checks import TEXT_CHECKS
from loopwright.evaluate.tool_checks import TOOL_CHECKS
from loopwright.registry import Registry

CHECKS: Registry[CheckType] = Registry("check")
"""The built-in checks; more are added under names of their own."""

for _check in (*TEXT_CHECKS, *DATA_CHECKS, *TOOL_CHECKS, *SIGNAL_CHECKS):
    CHECKS.add(_check.name, _check)
