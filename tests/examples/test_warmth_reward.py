import pytest
import torch
from warmth_reward import Warmth

from drift_pipeline.common.asking import ask_scorer

PROMPTS = ["a", "b", "c"]


@pytest.fixture
def images():
    """Red, grey, and blue above red."""
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    images[0, 0] = 255
    images[1] = 100
    images[2, 2, :4] = 255
    images[2, 0, 4:] = 255
    return images


def test_red_is_warm_and_blue_is_cold(images):
    assert ask_scorer("warmth", Warmth(), images, PROMPTS).tolist() == [1.0, 0.0, 0.0]
    assert ask_scorer("warmth", Warmth(upper=0.5), images, PROMPTS).tolist() == [1.0, 0.0, -1.0]


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"upper must lie in \(0, 1\], got 0"):
        Warmth(upper=0)
