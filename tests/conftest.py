"""Fixtures that every test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["tiny_policy"]

# Nothing in the tests may ask the network for a model.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def project_path() -> Path:
    """The root of the project."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    """`monkeypatch` for fixtures that live as long as a module."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch
