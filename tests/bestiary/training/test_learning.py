"""Pairs, triplets and losses that the bestiary's models learn from, each on a known answer."""

import math
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from drift_pipeline.bestiary.drawing.animal import backdrop, coat_colour
from drift_pipeline.bestiary.drawing.pictures import distort, draw_pictures
from drift_pipeline.bestiary.training import contrast, fit, preferences, similarity
from drift_pipeline.bestiary.training.formats import clip_processor
from drift_pipeline.bestiary.training.muon import make_optimizers
from drift_pipeline.common.images import to_pil


@pytest.fixture(scope="module")
def pictures():
    return draw_pictures(225, seed=11, workers=1)


def test_pictures_take_the_animals_in_turn_and_do_not_depend_on_each_other(pictures):
    assert pictures.animals.tolist() == list(range(45)) * 5
    few = draw_pictures(46, seed=11, workers=1)
    assert torch.equal(few.images, pictures.images[:46])
    assert few.scenes == pictures.scenes[:46]
    assert pictures[[3, 5]].scenes == [pictures.scenes[3], pictures.scenes[5]]
    both = pictures[[3, 5]] + few
    assert torch.equal(both.images, torch.cat([pictures.images[[3, 5]], few.images]))
    assert both.scenes[2:] == few.scenes and both.qualities[2:] == few.qualities


def test_pairs_follow_the_taste_within_an_animal_and_the_prompt_between(pictures):
    taste = torch.linspace(0, 1, len(pictures))
    animals = pictures.animals
    pairs = preferences.draw_pairs(animals, taste, 4000, torch.Generator().manual_seed(0))
    one, other = pairs.index.unbind(dim=1)
    same = animals[one] == animals[other]
    assert 0.63 < float(same.float().mean()) < 0.71
    assert 0.22 < float(pairs.broken[same].float().mean()) < 0.28
    assert not pairs.broken[~same].any()
    for i in range(500):
        margin = float(taste[one[i]] - taste[other[i]])
        if not same[i]:
            assert float(pairs.first[i]) == (1.0 if pairs.prompt[i] == 0 else 0.0)
            assert bool(pairs.clear[i])
        elif pairs.broken[i]:
            assert float(pairs.first[i]) == 1.0
            assert bool(pairs.clear[i])
        else:
            agree = 1 / (1 + math.exp(-margin / preferences.DISCORD))
            assert float(pairs.first[i]) == pytest.approx(agree, abs=1e-5)
            assert bool(pairs.clear[i]) == (abs(margin) > preferences.CLEAR)
        prompt = int(pairs.prompt_index()[i])
        assert prompt == int(pairs.index[i, pairs.prompt[i]])


def test_the_second_picture_of_a_broken_pair_is_shown_warped_and_no_other(pictures):
    generator = torch.Generator().manual_seed(0)
    pairs = preferences.draw_pairs(pictures.animals, torch.zeros(len(pictures)), 60, generator)
    shown = preferences.show(pairs, pictures.images, generator).unflatten(0, (-1, 2))
    changed = (shown != pictures.images[pairs.index]).flatten(2).any(dim=2)
    assert torch.equal(changed[:, 1], pairs.broken)
    assert not changed[:, 0].any()


def test_a_warp_moves_what_is_there_and_adds_nothing(pictures):
    images = pictures.images[:8]
    warped = distort(images, torch.Generator().manual_seed(0))
    assert warped.dtype == images.dtype
    assert warped.shape == images.shape
    assert (warped.float() - images.float()).abs().mean() > 5
    flat = torch.full_like(images, 77)
    assert torch.equal(distort(flat, torch.Generator().manual_seed(0)), flat)
    for i in range(8):
        assert warped[i].amin() >= images[i].amin()
        assert warped[i].amax() <= images[i].amax()


def test_a_model_that_scores_by_the_taste_has_full_accuracy_and_its_opposite_none(pictures):
    known = pictures.animals

    def brightness(images):
        return images.float().mean(dim=(1, 2, 3)) / 255

    def taste(quality):
        return quality[:, 0]

    def features(images, ids):
        # The cosine is higher where the picture is brighter, as the prompt's axis is the first.
        angle = brightness(images)
        return torch.stack([angle, 1 - angle], dim=1), torch.tensor([[1.0, 0.0]]).expand(
            len(ids), 2
        )

    same_only = pictures[[i for i in range(len(pictures)) if int(known[i]) == 0]]
    bright = brightness(same_only.images).tolist()
    qualities = [replace(q, contrast=b) for q, b in zip(same_only.qualities, bright, strict=True)]
    same_only = replace(same_only, qualities=qualities)
    ids = torch.zeros(len(same_only), 1, dtype=torch.long)
    best = preferences.pair_accuracy(features, same_only, ids, taste, 300, 0)
    assert best["pair_accuracy_taste"] == 1.0
    worst = preferences.pair_accuracy(features, same_only, ids, lambda x: -taste(x), 300, 0)
    assert worst["pair_accuracy_taste"] == 0.0


def test_pairs_of_many_pictures_are_scored_with_their_own_prompts():
    """More pictures than are embedded at once; picture and caption both tell the animal."""
    many = draw_pictures(300, seed=12, workers=1)
    animals, liked = many.animals, torch.rand(300, generator=torch.Generator().manual_seed(0))
    # All that the model sees of a picture are its animal and how much people like it.
    told = torch.zeros(300, 3, 64, 64, dtype=torch.uint8)
    told[:, 0, 0, 0], told[:, 1, 0, 0] = animals.to(torch.uint8), (liked * 255).to(torch.uint8)

    def features(images, ids):
        right = torch.eye(46)[images[:, 0, 0, 0].long()]
        right[:, 45] = 1 - images[:, 1, 0, 0] / 255
        return right, torch.eye(46)[ids[:, 0]]

    def taste(quality):
        return quality[:, 0]

    qualities = [
        replace(q, contrast=int(t) / 255)
        for q, t in zip(many.qualities, told[:, 1, 0, 0], strict=True)
    ]
    seen = replace(many, images=told, qualities=qualities)
    measured = preferences.pair_accuracy(features, seen, animals[:, None], taste, 2000, 0)
    assert {measured[name] for name in measured if name.startswith("pair")} == {1.0}
    wrong = preferences.pair_accuracy(features, seen, animals[:, None].flip(0), taste, 2000, 0)
    assert wrong["pair_accuracy_animal"] < 0.7


def test_triplets_of_many_pictures_are_judged_by_their_own_embeddings():
    """Pictures that differ in nothing but the animal, and a model that sees just that."""
    some = draw_pictures(300, seed=13, workers=1)
    first = replace(some.scenes[0], coat="grey", pattern="plain")
    scenes = [replace(first, animal=scene.animal) for scene in some.scenes]
    told = torch.zeros(300, 3, 8, 8, dtype=torch.uint8)
    told[:, 0] = some.animals[:, None, None].to(torch.uint8)

    def ensemble(images):
        return torch.eye(45)[(images[:, 0, 0, 0] * 255).round().long()]

    seen = replace(some, images=told, scenes=scenes)
    assert similarity.triplet_accuracy(ensemble, seen, 900, 0) == 1.0
    mixed = told[torch.randperm(300, generator=torch.Generator().manual_seed(0))]
    assert similarity.triplet_accuracy(ensemble, replace(seen, images=mixed), 900, 0) < 0.7


def test_unlikeness_is_a_symmetric_sum_of_the_known_differences(pictures):
    known = pictures.attributes()
    one, other = torch.arange(100), torch.arange(100) + 100
    there, back = similarity.unlikeness(known, one, other), similarity.unlikeness(known, other, one)
    assert torch.allclose(there, back)
    assert similarity.unlikeness(known, one, one).abs().max() == 0
    a, b = pictures.scenes[0], pictures.scenes[45]
    assert a.animal == b.animal

    def gap(one, other):
        return sum(abs(p - q) for p, q in zip(one, other, strict=True)) / len(one) / 255

    by_hand = (
        0.3 * (a.background != b.background)
        + 0.1 * (a.pattern != b.pattern)
        + 0.1 * (a.facing != b.facing)
        + 1.2 * gap(coat_colour(a), coat_colour(b))
        + 1.8 * gap(np.ravel(backdrop(a)), np.ravel(backdrop(b)))
        + 0.8 * abs(a.size - b.size)
        + 0.4 * abs(a.x - b.x)
        + 0.4 * abs(a.y - b.y)
    )
    measured = similarity.unlikeness(known, torch.tensor([0]), torch.tensor([45]))
    assert float(measured) == pytest.approx(by_hand, abs=1e-5)


def test_half_of_the_triplets_show_one_animal(pictures):
    known = pictures.attributes()
    index, farther = similarity.draw_triplets(known, 4000, torch.Generator().manual_seed(0))
    animals = known["animal"][index]
    one_animal = (animals == animals[:, :1]).all(dim=1).float().mean()
    assert 0.46 < float(one_animal) < 0.55
    reference, left, right = index[0]
    gap = similarity.unlikeness(known, reference[None], right[None]) - similarity.unlikeness(
        known, reference[None], left[None]
    )
    assert float(gap) == pytest.approx(float(farther[0]))


def test_clip_pixels_are_what_the_processor_makes(pictures, tmp_path):
    processor = clip_processor(tiny.make_tokenizer(), 64)
    expected = processor(images=to_pil(pictures.images[:4]), return_tensors="pt").pixel_values
    assert torch.allclose(contrast.clip_pixels(pictures.images[:4]), expected, atol=1e-5)


def test_fit_reaches_the_minimum_and_repeats_with_its_seed():
    def run() -> float:
        weight = nn.Parameter(torch.zeros(3))
        target = torch.tensor([0.5, -0.25, 1.0])
        line = nn.ParameterList([weight])
        fit.fit("a line", line, lambda g: (weight - target).square().sum(), 300, 0.05, seed=0)
        return float((weight - target).detach().abs().max())

    assert run() < 0.02
    assert run() == run()


def test_workers_average_their_gradients():
    module = nn.Conv2d(2, 9, 3, bias=False).to(memory_format=torch.channels_last)
    plain = nn.Conv2d(2, 9, 3, bias=False)
    plain.load_state_dict(module.state_dict())

    def slope(generator):
        return torch.randn(9, 2, 3, 3, generator=generator)

    fit.fit("x", module, lambda g: (module.weight * slope(g)).sum(), 1, 0.1, seed=7, workers=2)
    slopes = [slope(torch.Generator().manual_seed(seed)) for seed in (7, 1007)]
    plain.weight.grad = (slopes[0] + slopes[1]) / 2
    nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
    for optimizer in make_optimizers(plain, 0.1):
        optimizer.step()
    assert torch.equal(module.weight, plain.weight)


def test_fit_stops_at_a_loss_that_is_not_finite():
    weight = nn.Parameter(torch.zeros(1))
    with pytest.raises(FloatingPointError, match="training x: the loss is not finite at step 0"):
        fit.fit("x", nn.ParameterList([weight]), lambda g: weight.sum() * math.nan, 3, 0.1, seed=0)


def test_crowding_counts_the_angles_between_different_animals_alone():
    animals = torch.tensor([0, 0, 1])
    seen = torch.tensor([[2.0, 0.0], [5.0, 0.0], [0.0, 3.0]])
    assert similarity.crowding(seen, animals) == 0
    seen[2] = torch.tensor([1.0, 1.0])
    assert torch.isclose(similarity.crowding(seen, animals), torch.tensor(0.5))
