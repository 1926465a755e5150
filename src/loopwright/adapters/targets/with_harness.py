"""An agent that is told by its environment which harness to run under: a file of its own, for as long as the target is open."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from loopwright.effects import CallTarget, TargetReply
from loopwright.guards.harness_file import FILE, VARIABLE
from loopwright.ports import Target


class WithHarness:
    """The target that `make` builds with an environment in which LOOPWRIGHT_HARNESS names a file holding `text`.

    A text without guards is a harness too: the agent then runs under none, whatever stands in its folder.
    """

    def __init__(self, make: Callable[[Mapping[str, str]], Target], text: str) -> None:
        self._make = make
        self._text = text
        self._name = make({}).name
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._target: Target | None = None

    @property
    def name(self) -> str:
        """That of the target itself."""
        return self._name

    async def open(self) -> None:
        """Write the harness, and get the target ready."""
        self._folder = tempfile.TemporaryDirectory(prefix="loopwright-harness-")
        file = Path(self._folder.name) / FILE
        file.write_text(self._text, encoding="utf-8")
        self._target = self._make({VARIABLE: str(file)})
        await self._target.open()

    async def call(self, request: CallTarget) -> TargetReply:
        """Answer one case once."""
        if self._target is None:
            return TargetReply(error=f"target {self._name} is not open")
        return await self._target.call(request)

    async def close(self) -> None:
        """Release the target, and take the harness away."""
        if self._target is not None:
            await self._target.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._target = self._folder = None
