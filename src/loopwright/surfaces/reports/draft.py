"""A draft case as the YAML that a person copies into the suite."""

from __future__ import annotations

import yaml

from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.suite import plain
from loopwright.evaluate.writing import render
from loopwright.surfaces.reports.text import visible

LONGEST = 40_000


def draft_text(case: EvalCase) -> str | None:
    """The case as a suite file of its own, None where that is longer than a page should quote (about 40,000 characters).

    Characters that would act or hide when shown are written as YAML escapes.
    """
    if len(repr(case)) > LONGEST:
        return None
    text = render([case])
    if visible(text) == text:
        return text
    escaped: str = yaml.safe_dump({"cases": [plain(case)]}, sort_keys=False, allow_unicode=False)
    return escaped
