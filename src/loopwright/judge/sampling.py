"""Which items are judged, and which of those a person is asked about: a sample that is the same whenever it is drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def sampled(item_id: str, share: float) -> bool:
    """Whether the item is in a sample of this share (0..1). A larger share holds all that a smaller one does."""
    return _place("judge", item_id) < share


def to_label(item_ids: Iterable[str]) -> list[str]:
    """Items in the order in which a person should label them: random with regard to all that is known of them.

    Labels of the first so many are a fair sample of all. Choosing by the judge's verdict would make TPR and TNR wrong.
    """
    return sorted(set(item_ids), key=lambda item_id: (_place("label", item_id), item_id))


def _place(purpose: str, item_id: str) -> float:
    """A number in 0..1 that follows from the id, uniform over ids."""
    drawn = hashlib.sha256(f"{purpose}:{item_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(drawn[:8], "big") / 2**64
