"""Reinforcement fine-tuning of text-to-image diffusion models without losing diversity."""

__version__ = "0.1.0"
