"""HPSv2 against the same formula computed by hand; test_hpsv2_package.py has the package's own."""

import numpy as np
import open_clip
import pytest
import tiny
import torch
from transformers import AutoTokenizer

from drift_pipeline.bestiary.training.formats import HPSV2_FILE
from drift_pipeline.scorers.hpsv2 import HPSv2

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])
PROMPTS = ["a red horse at night", "a photo of a cat", "a photo of a cat", "zyx " * 30]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.make_hpsv2(tmp_path_factory.mktemp("hpsv2") / "model")


@pytest.fixture(scope="module")
def scorer(folder):
    return HPSv2(folder, folder / HPSV2_FILE)


def normalised(image):
    """As OpenAI's CLIP wants it."""
    values = (image.permute(1, 2, 0).numpy() / 255 - MEAN) / STD
    return torch.from_numpy(values).float().permute(2, 0, 1)


@torch.no_grad()
def straight_scores(folder, images, prompts):
    model = open_clip.CLIP(**open_clip.get_model_config(f"local-dir:{folder}")).eval()
    weights = torch.load(folder / HPSV2_FILE, weights_only=True)["state_dict"]
    model.load_state_dict(weights)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    scores = []
    for image, prompt in zip(images, prompts, strict=True):
        tokens = tokenizer(
            prompt.strip(), padding="max_length", truncation=True, return_tensors="pt"
        )
        a = model.encode_image(normalised(image)[None])[0]
        b = model.encode_text(tokens.input_ids)[0]
        scores.append(a @ b / (a.norm() * b.norm()))
    return torch.stack(scores)


def test_straight_computation(folder, scorer):
    images = tiny.make_images(4)
    scores = scorer(images, PROMPTS)
    assert scores.dtype == torch.float32
    assert scores.shape == (4,)
    torch.testing.assert_close(scores, straight_scores(folder, images, PROMPTS), atol=1e-5, rtol=0)
    assert scores.abs().max() <= 1


def test_order_and_batches_do_not_matter(folder, scorer):
    images = tiny.make_images(4)
    scores = scorer(images, PROMPTS)
    order = [3, 1, 0, 2]
    shuffled = scorer(images[order], [PROMPTS[i] for i in order])
    torch.testing.assert_close(shuffled, scores[order], atol=1e-6, rtol=0)
    other = HPSv2(folder, folder / HPSV2_FILE, batch_size=3)
    torch.testing.assert_close(other(images, PROMPTS), scores, atol=1e-6, rtol=0)


def test_autocast_stays_close(folder, scorer):
    images = tiny.make_images(4)
    half = HPSv2(folder, folder / HPSV2_FILE, dtype="bfloat16")(images, PROMPTS)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, scorer(images, PROMPTS), atol=0.02, rtol=0)


def test_as_many_prompts_as_images(scorer):
    with pytest.raises(ValueError, match="2 images but 1 prompts"):
        scorer(tiny.make_images(2), ["a"])


def test_missing_files(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="HPSv2's checkpoint is not at"):
        HPSv2(folder, folder / "HPS_v9.pt")
    with pytest.raises(FileNotFoundError, match="HPSv2's architecture is not at") as error:
        HPSv2(tmp_path / "nothing", folder / HPSV2_FILE)
    assert "\n" not in str(error.value)


def test_checkpoint_from_the_hub(folder, monkeypatch):
    asked = []

    def download(repo, filename, revision):
        asked.append((repo, filename, revision))
        return folder / HPSV2_FILE

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    HPSv2(folder, "HPS_v2.1_compressed.pt", repo="xswu/HPSv2", revision="main")
    assert asked == [("xswu/HPSv2", "HPS_v2.1_compressed.pt", "main")]
