"""Triplets by the known attributes, and a small DreamSim tuned on them.

A triplet is a reference and two images; the label says which of the two is nearer to it in what
was drawn. The loss is DreamSim's hinge on the difference of the two distances (Fu et al. 2023,
Sec. 4.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drift_pipeline.bestiary.drawing.animal import SIZE
from drift_pipeline.bestiary.drawing.pictures import CATEGORIES, Pictures, draw_twins, soften
from drift_pipeline.bestiary.training.fit import WORKERS, batch_of, fit
from drift_pipeline.bestiary.training.formats import DreamSimModel
from drift_pipeline.bestiary.training.perceptual import DreamSimEnsemble, make_dreamsim_vit

if TYPE_CHECKING:
    from drift_pipeline.config.bestiary import Fit

#: DreamSim's margin between the two distances.
_MARGIN = 0.05
#: Weights of the angles between different animals, while the towers learn and while they are tuned.
_APART = (5.0, 0.01)
#: A difference of true distances that is clear to everybody.
CLEAR = 0.25
#: How much a difference in kind counts for how unlike two images look, and how much a difference
#: in numbers. Colours are in [0, 1], places in half frames.
_KINDS = {"animal": 1.0, "background": 0.3, "pattern": 0.1, "facing": 0.1}
_AMOUNTS = {"coat_colour": 1.2, "background_colours": 1.8, "size": 0.8, "x": 0.4, "y": 0.4}
_NUMBERS = ("facing", "size", "x", "y", "tilt", "coat_colour", "background_colours")


def unlikeness(known: dict[str, Tensor], one: Tensor, other: Tensor) -> Tensor:
    """Say how unlike two images are by what was drawn: a weighted sum of differences.

    Args:
        known: `Pictures.attributes`.
        one: Indices of images, ``(n,)``.
        other: Indices of images, ``(n,)``.

    Returns:
        ``(n,)``, 0 for the same drawing.
    """
    total = torch.zeros(len(one))
    for name, weight in _KINDS.items():
        total += weight * (known[name][one] != known[name][other]).float()
    for name, weight in _AMOUNTS.items():
        gap = (known[name][one] - known[name][other]).abs()
        total += weight * gap.flatten(1).mean(dim=1) if gap.ndim > 1 else weight * gap
    return total


def draw_triplets(
    known: dict[str, Tensor], count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw triplets; in half of them all three show the same animal.

    Returns:
        Indices of reference, left and right, ``(n, 3)``; by how much the right one is farther from
        the reference than the left one, ``(n,)``.
    """
    animals = known["animal"]
    index = torch.randint(len(animals), (count, 3), generator=generator)
    twins = draw_twins(animals, index[:, 0], 2, generator)
    same = torch.rand(count, 1, generator=generator) < 0.5
    index[:, 1:] = torch.where(same, twins, index[:, 1:])
    reference, left, right = index.unbind(dim=1)
    return index, unlikeness(known, reference, right) - unlikeness(known, reference, left)


def train_dreamsim(
    drawn: Pictures, held_out: Pictures, how: Fit, tuning_steps: int, seed: int
) -> tuple[DreamSimModel, dict[str, float]]:
    """Train two transformers to tell what is on an image, then tune both on triplets.

    The first stage stands for the pretraining of DreamSim's towers, the second for their tuning.

    Args:
        drawn: Images to learn from.
        held_out: Images to measure it by.
        how: Steps of the first stage; batch and learning rate.
        tuning_steps: Steps of the second.
        seed: Seed of the weights and of the batches.

    Returns:
        The model, and ``triplet_accuracy``.
    """
    torch.manual_seed(seed)
    towers = [
        make_dreamsim_vit(64, 3, 4, 8, 64, quick_gelu=quick, image_size=SIZE)
        for quick in (True, False)
    ]
    ensemble = DreamSimEnsemble(*towers).train()
    heads = nn.ModuleDict({name: nn.Linear(128, n) for name, n in CATEGORIES.items()})
    known = drawn.attributes()
    numbers = torch.cat([known[name].view(len(drawn), -1) for name in _NUMBERS], dim=1)
    numbers = (numbers - numbers.mean(dim=0)) / numbers.std(dim=0)
    heads["numbers"] = nn.Linear(128, numbers.shape[1])

    def telling(generator: torch.Generator) -> Tensor:
        index = batch_of(len(drawn), how.batch // WORKERS, generator)
        seen = ensemble(soften(drawn.images[index], generator).float() / 255) * 128**0.5
        wrong = F.mse_loss(heads["numbers"](seen), numbers[index])
        for name in CATEGORIES:
            wrong = wrong + F.cross_entropy(heads[name](seen), known[name][index])
        return wrong + _APART[0] * crowding(seen, known["animal"][index])

    both = nn.ModuleList([ensemble, heads])
    fit("DreamSim's towers", both, telling, how.steps, how.learning_rate, seed, workers=WORKERS)

    def hinge(generator: torch.Generator) -> Tensor:
        index, farther = draw_triplets(known, how.batch // WORKERS, generator)
        seen = embed_triplets(ensemble, drawn.images, index)
        near, far = distances(seen).unbind(dim=1)
        missed = F.relu(_MARGIN - (far - near) * farther.sign()).mean()
        return missed + _APART[1] * crowding(seen.flatten(0, 1), known["animal"][index.flatten()])

    rate = how.learning_rate / 2
    fit("DreamSim", ensemble, hinge, tuning_steps, rate, seed + 1, workers=WORKERS)
    ensemble.eval().requires_grad_(False)
    accuracy = triplet_accuracy(ensemble, held_out, 4 * len(held_out), seed + 2)
    return DreamSimModel(ensemble.clip, ensemble.open_clip), {"triplet_accuracy": accuracy}


def crowding(seen: Tensor, animals: Tensor) -> Tensor:
    """Return the mean squared cosine between embeddings of different animals.

    Without it a tower's embeddings lie in a narrow cone: everything resembles everything, and
    measures of diversity that count angles see little of it. DreamSim's own towers were
    pretrained on far more kinds of images than there are dimensions, which spreads them out.

    Args:
        seen: Embeddings of any length, ``(n, d)``.
        animals: What each shows, ``(n,)``; at least two differ.
    """
    unit = F.normalize(seen, dim=-1)
    return (unit @ unit.T)[animals[:, None] != animals].square().mean()


def embed_triplets(ensemble: DreamSimEnsemble, images: Tensor, index: Tensor) -> Tensor:
    """Embed triplets, unit length, ``(n, 3, d)``, from indices ``(n, 3)`` of images."""
    return ensemble(images[index.flatten()].float() / 255).unflatten(0, (-1, 3))


def distances(seen: Tensor) -> Tensor:
    """Return the cosine distances of left and right to the reference, ``(n, 2)``."""
    return 1 - (seen[:, :1] * seen[:, 1:]).sum(dim=-1)


@torch.no_grad()
def triplet_accuracy(
    ensemble: DreamSimEnsemble, pictures: Pictures, count: int, seed: int
) -> float:
    """Measure which share of clear triplets of held-out images is judged right."""
    generator = torch.Generator().manual_seed(seed)
    index, farther = draw_triplets(pictures.attributes(), count, generator)
    seen = torch.cat([ensemble(part.float() / 255) for part in pictures.images.split(256)])
    near, far = distances(seen[index]).unbind(dim=1)
    clear = farther.abs() > CLEAR
    return float(((far > near) == (farther > 0))[clear].float().mean())
