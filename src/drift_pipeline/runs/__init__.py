"""Runs: what one is, what it depends on, and the folder that it leaves.

- `run`: a method, a reward and a seed, with everything they stand for.
- `identity`, `agreement`: what results depend on, and whether a run can be resumed.
- `folder`: what is there, whether it is whole, and starting over.
- `model_card`: what a run passes on to others.
"""
