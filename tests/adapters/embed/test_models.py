"""The two embedders, as they ship."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loopwright.adapters.embed import choice, minilm, static
from loopwright.adapters.embed.choice import AutoEmbedder, choose
from loopwright.adapters.embed.minilm import MiniLM
from loopwright.adapters.embed.static import StaticTable
from loopwright.errors import InputError, LoopwrightError, UsageError
from loopwright.ports import Embedder

TEXTS = [
    "I want a refund of my money",
    "please give me the money back",
    "will it rain tomorrow",
    "weather forecast for the weekend",
    "",
    "🙂",
    "x" * 5000,
]


@pytest.fixture(params=[MiniLM, StaticTable], scope="module")
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return request.param()


def test_rows_have_length_one_and_neighbours_are_near(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > cosines[0, 2] + 0.1
    assert cosines[2, 3] > cosines[1, 3] + 0.1


def test_a_vector_does_not_depend_on_its_company(embedder: Embedder) -> None:
    together = embedder.embed([*TEXTS, *TEXTS[::-1]])
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(together[: len(TEXTS)], alone, atol=1e-5)
    np.testing.assert_allclose(together[len(TEXTS) :], alone[::-1], atol=1e-5)


def test_no_text_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape[0] == 0


def test_the_static_table_makes_the_same_bits_again() -> None:
    assert (StaticTable().embed(TEXTS) == StaticTable().embed(TEXTS)).all()


def test_other_weights_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "model.onnx"
    other.write_bytes(b"not the model")
    with pytest.raises(InputError, match="sha256"):
        MiniLM(other).embed(["text"])
    with pytest.raises(InputError, match="cannot be read"):
        MiniLM(tmp_path / "nowhere").embed(["text"])


def test_another_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "SHA256", "0" * 64)
    with pytest.raises(InputError, match="install loopwright again"):
        StaticTable().embed(["text"])


def test_auto_takes_the_model_for_few_texts_and_the_table_for_many(tmp_path: Path) -> None:
    notes: list[str] = []
    few = AutoEmbedder(tmp_path, notes.append, limit=3)
    assert few.name == "auto"
    few.embed(["one", "two", "two", "two"])
    assert few.name == MiniLM().name
    assert notes == []
    many = AutoEmbedder(tmp_path, notes.append, limit=1)
    many.embed(["one", "two"])
    assert many.name == StaticTable().name
    assert "static" in notes[0]


def test_without_the_model_auto_says_so_and_minilm_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(minilm, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    notes: list[str] = []
    auto = choose("auto", tmp_path, notes.append)
    auto.embed(["one"])
    assert auto.name == StaticTable().name
    assert "onnxruntime is not installed" in notes[0]
    with pytest.raises(LoopwrightError, match="pip install onnxruntime"):
        choose("minilm", tmp_path, notes.append)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'minilm'"):
        choose("minilmm", tmp_path, print)
    assert choice.EMBEDDERS.names() == ["minilm", "static"]


def test_the_table_needs_no_runtime() -> None:
    code = "import sys; from loopwright.adapters.embed.static import StaticTable; StaticTable().embed(['x'])"
    code += "; print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    code = "from loopwright.adapters.embed.minilm import MiniLM; MiniLM().embed(['x'])"
    inherited = {k: v for k, v in os.environ.items() if k in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")}
    homes = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-B", "-c", code], check=True, env=inherited | homes)
    assert list(tmp_path.iterdir()) == []
