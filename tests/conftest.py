"""What holds for every test: no network but this machine, no paid models, no cache or store of the person who runs them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from openai_server import OpenAIServer

os.environ.pop("COLUMNS", None)  # parallel workers set it; tables are as wide as they are where nothing is a terminal

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

_KEYS = ("OPENAI", "ANTHROPIC", "GEMINI", "GOOGLE", "MISTRAL", "COHERE", "AZURE", "GROQ", "HF", "HUGGINGFACE")


@pytest.fixture(autouse=True, scope="session")
def sealed_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Subprocesses inherit it: Python as users have it, proxies to nowhere, no keys, no `LOOPWRIGHT_*`, a cache of their own."""
    for name in list(os.environ):
        if (
            name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
            or name.startswith("LOOPWRIGHT_")
            or (name.endswith("_KEY") and name.split("_")[0] in _KEYS)
        ):
            del os.environ[name]
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        os.environ[name] = "http://127.0.0.1:9"
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # scikit-learn would look for the processor's cores, and warn where it cannot
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the test works in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """A model service on this machine, to be scripted: `openai_server.script("text", {"json": 1}, Fault.status(429))`."""
    with OpenAIServer() as server:
        yield server
