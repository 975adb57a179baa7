"""The project's own parameters, as its files say them."""

import pytest
import yaml


@pytest.fixture(scope="module")
def configuration(project_path) -> dict:
    merged: dict = {}
    for file in sorted((project_path / "conf/base").glob("parameters*.yml")):
        text = file.read_text(encoding="utf-8").replace("${expected_seeds:}", "[42]")
        merged |= yaml.safe_load(text)
    return merged
