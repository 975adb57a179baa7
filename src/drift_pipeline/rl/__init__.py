"""The formulas of reinforcement learning with a denoising policy, as pure functions.

- `ddim`: a DDIM step as a Gaussian, and its log-probability.
- `advantages`: rewards relative to a group or a batch, and their merging.
- `objective`: the clipped surrogate and the divergence from the reference.

The loop that uses them is in `training`.
"""
