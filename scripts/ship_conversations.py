#!/usr/bin/env python3
"""Makes the shipped conversations from tau-bench's records: labels out, fixed order, the same bytes every time.

python scripts/ship_conversations.py gpt-4o-airline.jsonl.gz
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

KEPT = ("task_id", "trial", "traj")
SHIPPED = Path(__file__).parents[1] / "src/loopwright/examples/conversations/tau-bench-airline.jsonl.gz"


def main(source: str) -> None:
    """Read the records of `source` and write the shipped file."""
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    records.sort(key=lambda record: (record["task_id"], record["trial"]))
    text = "".join(
        json.dumps({key: record[key] for key in KEPT}, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records
    )
    SHIPPED.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{len(records)} conversations, {SHIPPED.stat().st_size:,} bytes: {SHIPPED}")


if __name__ == "__main__":
    main(sys.argv[1])
