"""The training loop: what an epoch draws, and how the policy moves on it.

- `rollout`: draws an epoch's trajectories.
- `samples`: which of them are trained on, and what each is worth.
- `trajectories`, `trajectory_store`: what is kept of them, and where.
- `update`, `gradient`, `optimizer`: the gradient updates.
- `records`: what an epoch leaves for people and tables.

It knows policies and methods by their protocols only: `policies.base`, `methods.base`.
"""
