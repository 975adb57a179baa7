"""Reinforcement learning of a denoising policy.

- `policy`: the UNet with its adapter, and the reference it started from.
- `rollout`: trajectories of an epoch.
- `ddim`: the policy's Gaussian step and its log-probability.
- `advantages`: rewards relative to a group or a batch, and their merging.
- `objective`: the clipped surrogate and the divergence from the reference.
- `update`: the epoch's gradient steps.
- `export`: the trained adapter for other programs.
- `randomness`: random numbers keyed by what they are for.
"""
