"""The examples of the page on instrumentation run, one after the other, as one program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/how-to/instrument.md"
READ = """
import asyncio


async def read():
    return "".join([chunk async for chunk in stream("When?", session_id="s-17")])


print(asyncio.run(read()))
"""


def test_the_examples_run(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 3
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LOOPWRIGHT_")}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*blocks, READ])],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["It came 12 days ago.", "It came in May."]
    imported = subprocess.run(
        [sys.executable, "-m", "loopwright", "import", "traces.jsonl", "--format", "json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert imported.returncode == 0, imported.stderr
    traces = [json.loads(line) for line in imported.stdout.splitlines()]
    assert {trace["messages"][-1]["content"] for trace in traces} == {"It came 12 days ago.", "It came in May."}
    assert sum(len(trace["feedback"] or []) for trace in traces) >= 3
