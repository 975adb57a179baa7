"""Train the flow of `flow_policy.py`, so that there is something to fine-tune.

    python examples/train_flow.py

draws images with the bestiary's program, learns from them, and writes the model into
`data/06_models/flow`, with a sheet of what it draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import EMAModel
from flow_policy import Around, RectifiedFlow, Velocity, save_velocity
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid

from drift_pipeline.bestiary.drawing.pictures import draw_pictures
from drift_pipeline.bestiary.training.fit import batch_of, fit
from drift_pipeline.common.atomic import replacing_folder
from drift_pipeline.config.train import Sampling
from drift_pipeline.policies.denoising import denoise


def train(
    around: Around, drawings: int, steps: int, batch: int = 64, seed: int = 42, **sizes: int
) -> Velocity:
    """Train a velocity network on the bestiary's drawings and their captions.

    Times are drawn from the logistic of a normal, which has most of them in the middle, where
    there is most to learn (Esser et al. 2024, arXiv 2403.03206). One caption of ten is empty, for
    classifier-free guidance. The result is a moving average of the weights.

    Args:
        around: Text encoder and autoencoder.
        drawings: How many are drawn.
        steps: Gradient updates.
        batch: Drawings of each.
        seed: Of everything.
        **sizes: Of the network, where they are not the usual ones.
    """
    drawn = draw_pictures(drawings, seed)
    latents, texts = around.encode(drawn.images), ["", *dict.fromkeys(drawn.bare_captions)]
    embedded = around.embed(texts)
    text_of = torch.tensor([texts.index(caption) for caption in drawn.bare_captions])
    torch.manual_seed(seed)
    network = Velocity(latents.shape[1], latents.shape[2], embedded.shape[2], **sizes)
    average = EMAModel(network.parameters(), decay=0.995, use_ema_warmup=True, power=0.75)

    def loss(generator: torch.Generator) -> Tensor:
        index = batch_of(len(latents), batch // 2, generator)
        clean, noise = latents[index], torch.randn(latents[index].shape, generator=generator)
        times = torch.randn(len(index), generator=generator).sigmoid()
        text = torch.where(torch.rand(len(index), generator=generator) < 0.1, 0, text_of[index])
        t = times.view(-1, 1, 1, 1)
        velocity = network((1 - t) * clean + t * noise, times, embedded[text])
        return F.mse_loss(velocity, noise - clean)

    fit("the velocity", network, loss, steps, 3e-3, seed,
        after_step=lambda: average.step(network.parameters()), workers=2)  # fmt: skip
    average.copy_to(network.parameters())
    return network


def draw_sheet(policy: RectifiedFlow, prompts: Sequence[str], columns: int) -> Any:
    """Draw a row of images for each prompt, as a PIL image."""
    generator = torch.Generator().manual_seed(0)
    asked = [prompt for prompt in prompts for _ in range(columns)]

    def noise(_step: int) -> Tensor:
        return torch.randn(len(asked), *policy.latent_shape, generator=generator)

    sampling = Sampling(steps=16, guidance=3.0, eta=0.4)
    condition, schedule = policy.embed(asked), policy.schedule(sampling)
    with torch.no_grad():
        *_, last = denoise(policy, schedule, noise(0), sampling, lambda _step: condition, noise)
    return to_pil_image(make_grid(policy.decode(last.latents), columns, padding=1))


def main() -> None:
    """Train the flow, and show what it draws."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--to", type=Path, default="data/06_models/flow", help="where it goes")
    parser.add_argument("--around", default="data/06_models/bestiary/stable_diffusion")
    parser.add_argument("--drawings", type=int, default=4500)
    parser.add_argument("--steps", type=int, default=700, help="gradient updates")
    parser.add_argument("--images", type=int, default=8, help="of each animal on the sheet")
    given = parser.parse_args()
    network = train(Around(given.around, torch.device("cpu")), given.drawings, given.steps)
    with replacing_folder(given.to) as folder:
        save_velocity(network, folder)
        animals = ("cat", "horse", "bird", "duck", "shark", "snake", "spider", "elephant")
        policy = RectifiedFlow(folder, given.around, device="cpu")
        prompts = [f"a photo of a {animal}" for animal in animals]
        draw_sheet(policy, prompts, given.images).save(folder / "sheet.png")


if __name__ == "__main__":
    main()
