"""Detectors that installed packages add: a real distribution on the path, found as pip would leave it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopwright import wiring
from loopwright.errors import DuplicateNameError, UsageError
from loopwright.mine.detectors import SHIPPED

DETECTOR = """
from loopwright.mine.detector import Detector
from loopwright.mine.signal import FailureSignal

late = Detector({name!r}, FailureSignal.BUSINESS_METRIC, "a late delivery", lambda trace, context: ())
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, code: str) -> None:
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[loopwright.detectors]\nlate = {module}:late\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)


def test_an_installed_detector_joins_the_shipped_ones(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "shop_late", DETECTOR.format(name="late_delivery"))
    assert wiring.detectors().names() == [*(d.name for d in SHIPPED), "late_delivery"]


def test_a_detector_of_a_shipped_name_is_refused(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "shop_same", DETECTOR.format(name="tool_error"))
    with pytest.raises(DuplicateNameError, match="tool_error"):
        wiring.detectors()


@pytest.mark.parametrize(("module", "code"), [("shop_broken", "raise RuntimeError('no dictionary')"), ("shop_odd", "late = 4")])
def test_a_detector_that_cannot_be_loaded_is_named(tmp_path, monkeypatch, module, code):
    install(tmp_path, monkeypatch, module, code)
    with pytest.raises(UsageError, match=f"{module}:late"):
        wiring.detectors()
