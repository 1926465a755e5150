"""Parquet files, as LangSmith's bulk export and dataframes of spans are kept: each row is a record."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from math import isnan
from typing import IO, Any

import msgspec

from loopwright.adapters.importers.sources import BrokenSourceError

MAGIC = b"PAR1"
ROWS = 64
"""Rows that are read together."""


def rows(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows, numbered from 1, as JSON values without null and NaN; raises `BrokenSourceError` for no Parquet file."""
    try:
        arrow = import_module("pyarrow.parquet")
    except ImportError:
        problem = "is a Parquet file, which takes pyarrow to read"
        raise BrokenSourceError(problem, "pip install 'loopwright[parquet]', or export JSON Lines", "unknown format") from None
    number = 0
    try:
        for batch in arrow.ParquetFile(file).iter_batches(batch_size=ROWS):
            for row in batch.to_pylist():
                number += 1
                yield number, {name: msgspec.to_builtins(value) for name, value in row.items() if _told(value)}
    except GeneratorExit:
        raise
    except Exception as error:  # pyarrow raises its own, and many of Python's, for a file that is damaged
        told = " ".join(str(error).split())[:200]
        raise BrokenSourceError(
            f"is no Parquet file that can be read: {told}", "export it again", "corrupt Parquet", number
        ) from None


def _told(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and isnan(value))
