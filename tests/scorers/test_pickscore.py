"""PickScore against its authors' formula, written out with plain transformers."""

import pytest
import tiny
import torch
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from drift_pipeline.scorers.pickscore import PickScore


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.make_pickscore(tmp_path_factory.mktemp("pickscore") / "model")


@pytest.fixture(scope="module")
def scorer(folder):
    return PickScore(folder, folder)


PROMPTS = ["a red horse at night", "a photo of a cat", "a photo of a cat", "zyx " * 30, ""]


@torch.no_grad()
def canonical_scores(folder, images, prompts):
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    processor = CLIPProcessor.from_pretrained(folder, backend="pil")
    scores = []
    for image, prompt in zip(images, prompts, strict=True):
        picture = Image.fromarray(image.permute(1, 2, 0).numpy(), mode="RGB")
        pixels = processor(images=picture, return_tensors="pt")
        tokens = processor(
            text=prompt, padding=True, truncation=True, max_length=16, return_tensors="pt"
        )
        image_features = model.get_image_features(**pixels).pooler_output
        image_features = image_features / image_features.norm(dim=-1, keepdim=True)
        text_features = model.get_text_features(**tokens).pooler_output
        text_features = text_features / text_features.norm(dim=-1, keepdim=True)
        scores.append((model.logit_scale.exp() * (text_features @ image_features.T)).item())
    return torch.tensor(scores)


@pytest.mark.parametrize("size", [(64, 64), (80, 112), (32, 32)])
def test_canonical_formula(folder, scorer, size):
    images = tiny.make_images(5, *size)
    scores = scorer(images, PROMPTS)
    assert scores.dtype == torch.float32
    assert scores.shape == (5,)
    assert scores.std() > 0.1
    torch.testing.assert_close(
        scores, canonical_scores(folder, images, PROMPTS), atol=1e-5, rtol=1e-5
    )


def test_scale_is_not_rounded(scorer):
    torch.testing.assert_close(scorer.scale, torch.tensor(2.6592).exp().item())


def test_order_and_batches_do_not_matter(folder, scorer):
    images = tiny.make_images(5)
    scores = scorer(images, PROMPTS)
    order = [3, 1, 4, 0, 2]
    shuffled = scorer(images[order], [PROMPTS[i] for i in order])
    torch.testing.assert_close(shuffled, scores[order], atol=1e-5, rtol=0)
    for batch_size in (1, 2):
        other = PickScore(folder, folder, batch_size=batch_size)
        torch.testing.assert_close(other(images, PROMPTS), scores, atol=1e-5, rtol=0)


def test_repeated_prompts_are_encoded_once(scorer, monkeypatch):
    seen = []
    encode = scorer.text_features
    monkeypatch.setattr(scorer, "text_features", lambda part: seen.extend(part) or encode(part))
    scorer(tiny.make_images(5), PROMPTS)
    assert sorted(seen) == sorted(set(PROMPTS))


def test_half_precision_stays_close(folder, scorer):
    images = tiny.make_images(5)
    half = PickScore(folder, folder, dtype="bfloat16")(images, PROMPTS)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, scorer(images, PROMPTS), atol=0.3, rtol=0)


def test_as_many_prompts_as_images(scorer):
    with pytest.raises(ValueError, match="2 images but 3 prompts"):
        scorer(tiny.make_images(2), ["a"] * 3)


@pytest.mark.parametrize(
    "images", [torch.zeros(1, 3, 64, 64), torch.zeros(3, 64, 64, dtype=torch.uint8)]
)
def test_images_are_uint8_batches(scorer, images):
    with pytest.raises(ValueError, match="uint8"):
        scorer(images, ["a"] * len(images))


def test_missing_folder(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="PickScore's model is not at") as error:
        PickScore(tmp_path / "nothing", folder)
    assert "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError, match="PickScore's processor is not at"):
        PickScore(folder, "data/06_models/nothing")
