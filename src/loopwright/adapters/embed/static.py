"""The static embedder: a table of one vector a word piece, averaged; numpy alone, for many texts or where onnxruntime is not.

The table is distilled from all-MiniLM-L6-v2 by scripts/distil_static_table.py.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from loopwright.adapters.embed.wordpiece import WordPiece, bert_uncased
from loopwright.errors import InputError

SHA256 = "086c9b061cebd3f5623c3a9b79daa0cf8c0975160fa37d245a572eedcded0509"
LONGEST = 256  # pieces of a text
_TEXTS_AT_ONCE = 4096


class StaticTable:
    """The `static` embedder. The table is loaded, and its sha256 checked, when the first text comes."""

    @property
    def name(self) -> str:
        """The table and what came before it: a change of either makes other vectors."""
        return f"static-minilm-l6-v2/{SHA256[:12]}/{LONGEST}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32, shape (len(texts), 256), rows L2-normalised; a text without any known piece is a row of zeros.

        Raises `InputError` if the table is not the one that was shipped.
        """
        table, scale = self._table
        vectors = np.zeros((len(texts), table.shape[1]), np.float32)
        for begin in range(0, len(texts), _TEXTS_AT_ONCE):
            rows = [self._tokens.encode(text, LONGEST) for text in texts[begin : begin + _TEXTS_AT_ONCE]]
            lengths = np.array([len(row) for row in rows])
            filled = np.flatnonzero(lengths)
            if len(filled) == 0:
                continue
            ids = np.concatenate([np.asarray(rows[i], np.int64) for i in filled])
            pieces = table[ids].astype(np.float32) * scale[ids, None]
            starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
            vectors[begin + filled] = np.add.reduceat(pieces, starts, axis=0) / lengths[filled, None]
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

    @cached_property
    def _tokens(self) -> WordPiece:
        return bert_uncased()

    @cached_property
    def _table(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        data = files(__package__).joinpath("static_table.npz").read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != SHA256:
            problem = f"sha256 is {found[:12]}…, expected {SHA256[:12]}…"
            raise InputError(problem, source="static_table.npz", cure="install loopwright again")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return arrays["q"], arrays["scale"]
