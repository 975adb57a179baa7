"""Zero-shot classification against open_clip used directly."""

import open_clip
import pytest
import tiny
import torch
import yaml

from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.encoders.openclip import OpenCLIP
from drift_pipeline.scorers.shows_prompt import ShowsPrompt

CHOICES = ["a photo of a cat", "a photo of a dog", "a photo of a fish", "a photo of a bird"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.make_openclip(tmp_path_factory.mktemp("openclip") / "model")


@pytest.fixture(scope="module")
def scorer(folder, tmp_path_factory):
    file = tmp_path_factory.mktemp("prompts") / "prompts.txt"
    file.write_text("\n".join(CHOICES[:3]))
    return ShowsPrompt(file, folder, batch_size=2)


def test_it_is_open_clips_own_choice(scorer, folder):
    """For its own images a prompt that does not stand in the file is one more choice."""
    images = tiny.make_images(12)
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(CHOICES)
    with torch.no_grad():
        texts = model.eval().encode_text(tokens, normalize=True)
    similar = OpenCLIP(folder)(images) @ texts.T
    expected = [
        int(row[: max(3, asked + 1)].argmax() == asked)
        for row, asked in zip(similar, [i % 4 for i in range(12)], strict=True)
    ]
    assert scorer(images, [CHOICES[i % 4] for i in range(12)]).tolist() == expected
    best = similar[:, :3].argmax(dim=1).tolist()
    assert scorer(images, [CHOICES[i] for i in best]).tolist() == [1] * 12
    assert scorer(images, [CHOICES[(i + 1) % 3] for i in best]).tolist() == [0] * 12


def test_an_image_does_not_depend_on_its_batch(scorer):
    images, prompts = tiny.make_images(8), (CHOICES[3:] + CHOICES[:3]) * 2
    alone = [scorer(images[i : i + 1], prompts[i : i + 1]).item() for i in range(8)]
    assert scorer(images, prompts).tolist() == alone


def test_by_itself_a_prompt_is_always_shown(folder, tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text(CHOICES[0])
    assert ShowsPrompt(file, folder)(tiny.make_images(6), [CHOICES[0]] * 6).tolist() == [1] * 6


def test_one_prompt_for_each_image(scorer):
    with pytest.raises(ValueError, match="2 images but 1 prompts"):
        scorer(tiny.make_images(2), CHOICES[:1])


def test_drawings_of_the_bestiary_show_what_they_are_called(project_path):
    presets = yaml.safe_load((project_path / "conf/base/parameters_rewards.yml").read_text())
    options = presets["rewards"]["shows_prompt"]["options"]
    scorer = ShowsPrompt(**{name: project_path / value for name, value in options.items()})
    drawn = draw_pictures(90, seed=7, workers=1)
    assert scorer(drawn.images, drawn.bare_captions).mean() > 0.95
    others = drawn.bare_captions[1:] + drawn.bare_captions[:1]
    assert scorer(drawn.images, others).mean() < 0.05
