"""What captions say, and that the tokenizer knows every word of it."""

import numpy as np

from drift_pipeline.bestiary.drawing.captions import (
    bare_caption,
    full_caption,
    vocabulary,
    with_article,
)
from drift_pipeline.bestiary.drawing.plans import ANIMALS, PLANS
from drift_pipeline.bestiary.drawing.scene import draw_scene
from drift_pipeline.bestiary.training.tokenizer import small_tokenizer


def test_bare_captions_name_the_animal_alone():
    assert bare_caption("cat") == "a photo of a cat"
    assert bare_caption("ant") == "a photo of an ant"
    assert with_article("orange") == "an orange"


def test_full_captions_tell_breed_and_background():
    rng = np.random.default_rng(0)
    for animal in ANIMALS:
        scene = draw_scene(rng, animal, PLANS[animal].coats)
        words = full_caption(scene).split()
        assert animal in words
        assert scene.coat in words
        assert ("plain" in words) is False
        assert words[0] in ("a", "an")


def test_every_caption_fits_and_every_word_is_one_token():
    tokenizer = small_tokenizer(vocabulary(), max_length=16)
    rng = np.random.default_rng(1)
    for animal in ANIMALS:
        caption = full_caption(draw_scene(rng, animal, PLANS[animal].coats))
        ids = tokenizer(caption).input_ids
        assert len(ids) == len(caption.split()) + 2 <= 16
