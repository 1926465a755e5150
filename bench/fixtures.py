"""Exports of other tools: which are imported, and whether the messages that Langfuse makes of its own come out the same.

    python bench/fixtures.py --data DIR [--differences 20]

DIR holds `trace_fixtures`: a folder a tool. A file that holds no traces (metrics, log lines, expected output) must be refused by
name. Beside an export of Langfuse lies what Langfuse's normaliser makes of each observation's input and output
(`.chatml.json`): where that is a list of chat messages, ours is compared with it message by message, by role, text and calls of
tools. What its normaliser could not read, and values that are no messages, are not compared.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.conversation import read_messages
from loopwright.collect.intake import Rejected
from loopwright.collect.trace import Message, Trace
from loopwright.errors import RecordError
from loopwright.ports import Imported

LIMIT = 16 * 1024 * 1024
NO_TRACES = ("chatml.json", "metrics.json", "logs.json", "events.json")


class Side(NamedTuple):
    """What one observation was given, or gave: as Langfuse tells it, and as we do."""

    file: str
    observation: str
    side: str
    expected: list[tuple[str, str, str]]
    found: list[tuple[str, str, str]]


def main() -> None:
    """Print what is imported, and the share of messages and calls that are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--differences", type=int, default=20)
    given = parser.parse_args()
    folder = given.data / "trace_fixtures"
    imported(folder)
    compared(folder / "langfuse", given.differences)


def imported(folder: Path) -> None:
    """Which files are imported, by tool."""
    taken, refused, wrong = Counter(), Counter(), []
    for file in sorted(path for path in folder.glob("*/*") if path.is_file()):
        traces, rejected = read(file)
        tool = file.parent.name
        if file.name.endswith(NO_TRACES):
            refused[tool] += 1
            if traces or not rejected:
                wrong.append(f"{file.name}: holds no traces, and is not refused")
        else:
            taken[tool, bool(traces) and not rejected] += 1
            if not traces or rejected:
                wrong.append(f"{file.name}: {rejected[0] if rejected else 'nothing found'}")
    print("files by tool                 imported   with traces   refused by name, without")
    for tool in sorted({tool for tool, _ in taken} | set(refused)):
        whole = taken[tool, True] + taken[tool, False]
        print(f"  {tool:<26} {taken[tool, True]:>9} {whole:>13} {refused[tool]:>25}")
    for line in wrong:
        print(f"  wrong: {line}")


def compared(folder: Path, shown: int) -> None:
    """Ours against Langfuse's messages, by observation."""
    sides = [side for file in sorted(folder.glob("*.trace.json")) for side in sides_of(file)]
    print("\nLangfuse's own messages        sides   the same   messages   the same      calls   the same")
    for file in (*dict.fromkeys(side.file for side in sides), ""):
        some = [side for side in sides if file in ("", side.file)]
        messages, same = pairs(some, lambda message: message[:2])
        calls, same_calls = pairs(some, lambda message: message[2], lambda message: bool(message[2]))
        equal = sum(side.expected == side.found for side in some)
        print(
            f"  {file.removesuffix('.trace.json') or 'all':<27} {len(some):>6} {share(equal, len(some)):>10} {messages:>10} "
            f"{share(same, messages):>10} {calls:>10} {share(same_calls, calls):>10}"
        )
    different = [side for side in sides if side.expected != side.found]
    for side in different[:shown]:
        print(f"\n  {side.file} {side.observation} {side.side}")
        for line in differences(side):
            print(f"    {line}")
    if len(different) > shown:
        print(f"\n  ... and {len(different) - shown} more")


def read(file: Path) -> tuple[list[Trace], list[Rejected]]:
    """The traces of a file, and what was refused."""
    found = list(FileTraceReader(LIMIT).read([str(file)]))
    return [item.trace for item in found if isinstance(item, Imported)], [item for item in found if isinstance(item, Rejected)]


def sides_of(file: Path) -> Iterator[Side]:
    """The inputs and outputs of a file's observations that Langfuse tells as chat messages."""
    expected = json.loads(file.with_name(file.name.replace(".trace.json", ".chatml.json")).read_text())
    steps = {step.span_id: step for trace in read(file)[0] for step in trace.steps}
    for observation, told in expected.items():
        for side, value in told.items():
            if value.get("success") and all(is_chat(item) for item in value["data"]) and value["data"]:
                ours = getattr(steps.get(observation), side, None)
                yield Side(file.name, observation, side, [theirs(item) for item in value["data"]], normal(ours))


def is_chat(item: dict[str, Any]) -> bool:
    """Whether Langfuse tells it as a message."""
    return "role" in item


def theirs(item: dict[str, Any]) -> tuple[str, str, str]:
    """Langfuse's message as role, text and calls."""
    content = item.get("content", item.get("json") if "tool_calls" not in item else None)
    if isinstance(content, dict) and set(content) >= {"text"}:
        content = content["text"]
    calls = [[call["name"], call["arguments"]] for call in item.get("tool_calls") or ()]
    return key(item["role"], content, calls)


def normal(value: Any) -> list[tuple[str, str, str]]:
    """Ours, as a step holds them; none where they are no messages."""
    try:
        listed = read_messages(value) if isinstance(value, list) else ()
    except RecordError:
        return []
    return [of(message) for message in listed]


def of(message: Message) -> tuple[str, str, str]:
    """Our message as role, text and calls."""
    return key(message.role, message.content, [[call.name, call.arguments] for call in message.tool_calls])


def key(role: str, content: Any, calls: list[Any]) -> tuple[str, str, str]:
    """What is compared of a message: text is that of its parts, JSON is compared by its values."""
    if isinstance(content, list) and all(isinstance(part, str) or "text" in part for part in content):
        content = "\n".join(str(part.get("text", part)) if isinstance(part, dict) else str(part) for part in content)
    made = json.dumps([[name, plain(arguments)] for name, arguments in calls], sort_keys=True) if calls else ""
    return {"model": "assistant"}.get(role, role), json.dumps(plain(content or ""), sort_keys=True), made


def plain(value: Any) -> Any:
    """The value of JSON text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def pairs(sides: list[Side], part: Any, wanted: Any = lambda _: True) -> tuple[int, int]:
    """How many messages there are, and how many come out the same, in their places."""
    whole = same = 0
    for side in sides:
        for place, message in enumerate(side.expected):
            if wanted(message):
                whole += 1
                same += place < len(side.found) and part(side.found[place]) == part(message)
    return whole, same


def share(part: int, whole: int) -> str:
    """A share in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def differences(side: Side) -> Iterator[str]:
    """What differs, a line a message."""
    if len(side.expected) != len(side.found):
        yield f"{len(side.expected)} messages expected, {len(side.found)} found"
    for place, (theirs_, ours) in enumerate(zip(side.expected, side.found, strict=False)):
        for name, one, other in zip(("role", "text", "calls"), theirs_, ours, strict=True):
            if one != other:
                yield f"message {place}: {name} {one[:60]!r} expected, {other[:60]!r} found"


if __name__ == "__main__":
    main()
