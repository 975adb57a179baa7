"""Methods: what decides whom a policy is trained on, and how good each candidate was.

- `base`: what a method must decide.
- `checked`: what it answers, checked before anything is trained on it.
- `standard`: DRIFT, its ablations and its baselines, by the switches of their presets.
"""
