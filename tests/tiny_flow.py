"""A tiny random flow, for tests of the example of a policy."""

from pathlib import Path

import tiny
import torch
from flow_policy import Velocity, save_velocity


def make_flow(folder: Path) -> Path:
    """Save a network in which every weight counts; a fresh one's blocks do nothing yet."""
    network = Velocity(channels=4, size=8, text_width=tiny.TEXT_WIDTH, width=16, depth=1, heads=2)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = 0.2 * torch.randn(parameter.shape, generator=generator)
    save_velocity(network, folder)
    return folder
