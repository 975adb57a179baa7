"""The measures of diversity mean on the kept bestiary what they mean anywhere."""

import pytest
import torch
import yaml

from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.bestiary.reader import FREE, ReadKind
from drift_pipeline.bestiary.training.recognition import generate_animals
from drift_pipeline.diversity.entropy import kind_bits
from drift_pipeline.diversity.pairwise import mean_pairwise_distance
from drift_pipeline.diversity.recall import covered
from drift_pipeline.diversity.vendi import vendi_score
from drift_pipeline.encoders.dreamsim import DreamSim

ANIMALS, EACH, K = 45, 6, 10


@pytest.fixture(scope="module")
def kept(project_path, monkeypatch_module):
    monkeypatch_module.chdir(project_path)
    return project_path / "data/06_models/bestiary"


@pytest.fixture(scope="module")
def encoder(project_path, kept):
    text = (project_path / "conf/base/parameters_encoders.yml").read_text()
    return DreamSim(**yaml.safe_load(text)["encoders"]["dreamsim"]["options"])


@pytest.fixture(scope="module")
def draws(kept):
    """Two draws of the base model, `(45, 6, 3, 64, 64)` each."""
    both = [
        generate_animals(str(kept / "stable_diffusion"), EACH, 5.0, 8, 1.0, seed=seed)
        for seed in (1, 2)
    ]
    return [images.unflatten(0, (ANIMALS, EACH)) for images in both]


def test_a_fresh_draw_of_the_base_covers_it_and_one_image_per_prompt_does_not(encoder, draws):
    own, fresh = (encoder(images.flatten(0, 1)) for images in draws)
    collapsed = draws[1][:, :1].expand(-1, EACH, -1, -1, -1).flatten(0, 1)
    share = {
        name: float(covered(own, points, K).double().mean())
        for name, points in {"itself": own, "fresh": fresh, "one each": encoder(collapsed)}.items()
    }
    assert share["itself"] == 1.0
    assert share["fresh"] > 0.85
    assert share["one each"] < share["fresh"] - 0.15


def test_identical_images_have_no_diversity_by_any_measure(kept, encoder, draws):
    same = draws[0][0, :1].expand(EACH, -1, -1, -1)
    points = encoder(same)
    assert float(mean_pairwise_distance(points)) == pytest.approx(0, abs=1e-5)
    assert float(vendi_score(points)) == pytest.approx(1, abs=1e-3)
    for kind in FREE:
        said = ReadKind(kept / "reader", kind)(same, [""] * EACH)
        assert float(kind_bits(said[None])) == 0.0


def test_distinct_drawings_count_for_more_than_one_and_copies_for_nothing(encoder):
    """One drawing of each animal, and again each of them twice: as many distinct ones.

    No 45, since DreamSim finds all drawings rather alike: the mean cosine is far from zero.
    """
    points = encoder(draw_pictures(ANIMALS, seed=3, workers=1).images)
    distinct = float(vendi_score(points))
    assert 3 < distinct <= ANIMALS
    assert float(vendi_score(points.repeat(2, 1))) == pytest.approx(distinct, rel=1e-3)


def test_the_base_varies_more_than_one_breed_of_it(kept, draws):
    """Bits of what no prompt names, within prompts, on images and on copies of one of them."""
    images = draws[0].flatten(0, 1)
    for kind in ("coat", "background"):
        said = ReadKind(kept / "reader", kind)(images, [""] * len(images))
        found = kind_bits(said.unflatten(0, (ANIMALS, EACH)))
        assert float(found.mean()) > 0.8
        assert torch.all(found <= torch.log2(torch.tensor(float(EACH))) + 1e-6)
