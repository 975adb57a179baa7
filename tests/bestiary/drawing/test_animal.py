"""The drawings: all 45 animals, told apart by breed, pose and background, the same for a seed."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from drift_pipeline.bestiary.drawing import animal as drawing
from drift_pipeline.bestiary.drawing.animal import SIZE, draw
from drift_pipeline.bestiary.drawing.plans import ANIMALS, PLANS, parts_of
from drift_pipeline.bestiary.drawing.scene import BACKGROUNDS, COATS, PATTERNS, Scene, draw_scene
from drift_pipeline.config.prompt_files import read_prompts

PLAIN = Scene(
    animal="cat",
    coat="golden",
    pattern="plain",
    shade=(0, 0, 0),
    facing=1,
    tilt=0.0,
    size=0.9,
    x=0.0,
    y=0.0,
    background="meadow",
    light=1.0,
    horizon=0.6,
    sun=None,
    texture=3,
)


def difference(one: Scene, other: Scene) -> float:
    return float(np.abs(draw(one).astype(float) - draw(other).astype(float)).mean())


def test_the_outline_is_four_pixels_of_the_large_drawing_to_all_sides(monkeypatch):
    """Pillow's filter is the slower way to the same picture; the animal touches the border."""
    large = replace(PLAIN, size=1.2, x=-0.3)
    fast = [draw(scene) for scene in (PLAIN, large)]

    def pillows(body, size, mode):
        return np.asarray(Image.fromarray(body).filter(ImageFilter.MaxFilter(size)))

    monkeypatch.setattr(drawing, "maximum_filter", pillows)
    for scene, picture in zip((PLAIN, large), fast, strict=True):
        assert np.array_equal(draw(scene), picture)


def test_the_animals_are_those_of_the_training_prompts(project_path):
    prompts = read_prompts(project_path / "data/01_raw/prompts/animals.txt")
    assert {prompt.split(" ", 4)[-1] for prompt in prompts} == set(ANIMALS)
    assert len(ANIMALS) == 45


@pytest.mark.parametrize("animal", ANIMALS)
def test_every_animal_fills_its_frame_and_has_a_coat(animal):
    corners = np.concatenate([points for points, _ in parts_of(animal)])
    assert np.abs(corners).max() == pytest.approx(0.95, abs=1e-6)
    assert "coat" in {paint for _, paint in parts_of(animal) if isinstance(paint, str)}
    assert set(PLANS[animal].coats) <= set(COATS)


def test_no_two_animals_look_the_same():
    pictures = np.stack([draw(replace(PLAIN, animal=animal)) for animal in ANIMALS]).astype(float)
    flat = pictures.reshape(len(ANIMALS), -1)
    gaps = np.abs(flat[:, None] - flat[None]).mean(-1) + np.eye(len(ANIMALS)) * 1e9
    assert gaps.min() > 6


def test_a_picture_is_64_pixels_and_depends_on_its_scene_alone():
    picture = draw(PLAIN)
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    assert (picture == draw(replace(PLAIN))).all()


@pytest.mark.parametrize(
    "change",
    [
        {"coat": "blue"},
        {"pattern": "spotted"},
        {"pattern": "striped"},
        {"pattern": "patched"},
        {"facing": -1},
        {"tilt": 20.0},
        {"size": 0.6},
        {"x": 0.3},
        {"y": -0.2},
        {"sun": 0.2},
        *({"background": name} for name in BACKGROUNDS if name != "meadow"),
    ],
)
def test_breed_pose_and_background_are_to_be_seen(change):
    assert difference(PLAIN, replace(PLAIN, **change)) > 1.0


def test_facing_left_is_the_mirror_image():
    mirrored = draw(replace(PLAIN, facing=-1, background="desert", texture=1))[:, ::-1]
    looking_right = draw(replace(PLAIN, background="desert", texture=1))
    # The scenery is not mirrored, the animal is: compare the middle, where the animal is.
    middle = np.s_[16:44, 20:44]
    assert np.abs(mirrored[middle].astype(float) - looking_right[middle]).mean() < 3.0


def test_a_species_pattern_overrides_the_breed():
    striped, plain = (draw(replace(PLAIN, animal="zebra", pattern=p)) for p in ("striped", "plain"))
    assert (striped == plain).all()


def test_scenes_vary_in_everything_and_repeat_with_the_seed():
    scenes = [draw_scene(np.random.default_rng(i), "cat", PLANS["cat"].coats) for i in range(300)]
    assert {s.background for s in scenes} == set(BACKGROUNDS)
    assert {s.coat for s in scenes} == set(COATS)
    assert {s.pattern for s in scenes} == set(PATTERNS)
    assert {s.facing for s in scenes} == {-1, 1}
    assert scenes[7] == draw_scene(np.random.default_rng(7), "cat", PLANS["cat"].coats)
