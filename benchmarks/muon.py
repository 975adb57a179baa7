"""A step of our Muon against torch's, on the matrices of the bestiary's denoiser and autoencoder.

    python benchmarks/muon.py [--repeat 20]

Both take turns within one run, on one thread. A ratio below 1 says that ours is faster.
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter

import torch
from torch import nn

from drift_pipeline.bestiary.training.architectures import make_unet, make_vae
from drift_pipeline.bestiary.training.muon import Muon


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=20, help="steps of each")
    repeat = parser.parse_args().repeat
    torch.set_num_threads(1)
    print("| network | matrices | torch, ms | ours, ms | ratio |")
    print("|---|---|---|---|---|")
    for name, network in {"denoiser": make_unet(), "autoencoder": make_vae()}.items():
        layers = [m for m in network.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
        theirs = [layer.weight.detach().flatten(1).clone() for layer in layers]
        ours = [weight.clone() for weight in theirs]
        for weight in (*theirs, *ours):
            weight.grad = torch.randn_like(weight)
        both = (
            torch.optim.Muon(theirs, lr=1e-3, adjust_lr_fn="match_rms_adamw"),
            Muon(ours, lr=1e-3, weight_decay=0.1),
        )
        seconds: list[list[float]] = [[], []]
        for _ in range(repeat + 2):
            for optimizer, taken in zip(both, seconds, strict=True):
                start = perf_counter()
                optimizer.step()
                taken.append(perf_counter() - start)
        other, own = (1000 * median(taken[2:]) for taken in seconds)
        print(f"| {name} | {len(layers)} | {other:.1f} | {own:.1f} | {own / other:.2f} |")


if __name__ == "__main__":
    main()
