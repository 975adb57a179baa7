"""Rewards: a scorer takes images and their prompts and gives a score for each."""
