"""Models that are in a folder, or in the Hub's cache at one revision."""

from pathlib import Path

import pytest
from hub import SD, cached

from drift_pipeline.model_files.locate import hub_id, local_or_hub


def test_hub_ids():
    assert hub_id("owner/name") == ("owner/name", None)
    assert hub_id("owner/name@refs/pr/1") == ("owner/name", "refs/pr/1")
    assert hub_id("data/06_models/bestiary/clip") is None
    assert hub_id("/none/sd") is None


def test_a_pinned_model_is_read_from_its_folder_in_the_cache(root):
    cached(root, SD, "model_index.json")
    folder = local_or_hub(f"{SD}@c0ffee", "the base model")
    assert (Path(folder) / "model_index.json").exists()
    with pytest.raises(FileNotFoundError, match="not in the Hugging Face cache"):
        local_or_hub(f"{SD}@other", "the base model")
