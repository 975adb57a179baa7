"""The reader and what asks it: kinds, qualities and the true tastes."""

import pytest
import tiny
import torch

from drift_pipeline.bestiary import reader as reader_module
from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.bestiary.drawing.quality import QUALITIES, RANGES, in_own_units, in_widths
from drift_pipeline.bestiary.reader import (
    KINDS,
    Reader,
    ReadKind,
    TrueTaste,
    load_reader,
    read,
)
from drift_pipeline.bestiary.tastes import TASTES
from drift_pipeline.bestiary.training.reading import accuracy, answers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A reader that has learned nothing, on the disk."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("reader")
    Reader().save(folder)
    return folder


@pytest.fixture(scope="module")
def images():
    return tiny.make_images(5, 64, 64)


def test_widths_are_measured_from_the_middle_and_back():
    low, high = torch.tensor([RANGES[name][:2] for name in QUALITIES]).T
    ends = in_widths(torch.stack([low, (low + high) / 2, high]))
    assert torch.allclose(ends, torch.tensor([[-0.5], [0.0], [0.5]]).expand(3, 6), atol=1e-6)
    assert torch.allclose(in_own_units(ends[2]), high)


def test_a_reader_reads_every_kind_and_quality_whatever_the_batch(folder, images):
    reader = load_reader(folder)
    kinds, quality = read(reader, images, batch_size=2)
    assert {*kinds} == {*KINDS}
    assert quality.shape == (5, len(QUALITIES))
    together, quality_together = read(reader, images)
    assert all(torch.equal(kinds[name], together[name]) for name in KINDS)
    assert torch.allclose(quality, quality_together, atol=1e-5)


def test_the_scorer_of_a_kind_gives_its_index(folder, images):
    expected = read(load_reader(folder), images)[0]["background"]
    assert torch.equal(ReadKind(folder, "background")(images, ["a cat"] * 5), expected)


def test_the_true_taste_is_the_taste_of_the_qualities_that_are_read(folder, images):
    quality = read(load_reader(folder), images)[1]
    for name, taste in TASTES.items():
        assert torch.equal(TrueTaste(folder, name)(images), taste(quality))


def test_images_are_read_once_however_many_ask_and_anew_where_they_have_changed(
    folder, images, monkeypatch
):
    asked = []

    def counted(network, shown, *_):
        asked.append(len(shown))
        return read(network, shown)

    monkeypatch.setattr(reader_module, "read", counted)
    shown = images.clone()
    first = ReadKind(folder, "coat")(shown, [""] * 5)
    TrueTaste(folder, "postcard")(shown)
    assert torch.equal(ReadKind(folder, "coat")(shown, [""] * 5), first)
    assert asked == [5]
    shown[0] = 255 - shown[0]
    ReadKind(folder, "coat")(shown, [""] * 5)
    ReadKind(folder, "coat")(images.clone(), [""] * 5)
    assert asked == [5, 5, 5]


def test_what_it_cannot_read_is_refused_with_what_it_can(folder, tmp_path):
    with pytest.raises(ValueError, match=r"kind must be one of animal, coat, .*got 'colour'"):
        ReadKind(folder, "colour")
    with pytest.raises(ValueError, match="taste must be one of postcard, catalogue, got 'dusk'"):
        TrueTaste(folder, "dusk")
    with pytest.raises(ValueError, match=r"64 x 64 pixels, got \(3, 32, 64\); leave it out"):
        ReadKind(folder, "coat")(tiny.make_images(2, 32, 64), ["a cat"] * 2)
    with pytest.raises(FileNotFoundError, match="--pipelines=bestiary"):
        load_reader(tmp_path)


class Knowing(torch.nn.Module):
    """Reads the answers of the pictures that it is shown in order, wrong where told so."""

    def __init__(self, pictures, wrong):
        super().__init__()
        self.quality = torch.nn.Linear(1, 1)
        self.kinds, self.wrong = answers(pictures), wrong
        self.seen = in_widths(pictures.quality)
        self.row = 0

    def forward(self, images):
        rows = slice(self.row, self.row + len(images))
        self.row += len(images)
        told = {
            name: (answer[rows] + self.wrong) % KINDS[name] for name, answer in self.kinds.items()
        }
        logits = {name: torch.eye(KINDS[name])[answer] for name, answer in told.items()}
        return logits, self.seen[rows] * (-1 if self.wrong else 1)


def test_accuracy_is_1_for_who_knows_and_0_for_who_is_always_wrong():
    pictures = draw_pictures(90, seed=11, workers=1)
    right = accuracy(Knowing(pictures, wrong=0), pictures)
    assert {*right} == {*KINDS, *QUALITIES, *TASTES}
    assert all(value == pytest.approx(1.0, abs=1e-5) for value in right.values())
    wrong = accuracy(Knowing(pictures, wrong=1), pictures)
    assert all(wrong[name] == 0.0 for name in KINDS)
    assert all(wrong[name] == pytest.approx(-1.0, abs=1e-5) for name in QUALITIES)


def test_the_answers_say_where_an_animal_looks():
    pictures = draw_pictures(90, seed=11, workers=1)
    facing = [scene.facing for scene in pictures.scenes]
    assert (answers(pictures)["facing"] * 2 - 1).tolist() == facing
