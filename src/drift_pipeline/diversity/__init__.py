"""Measures of diversity: pure functions on image embeddings (appendix D).

- `pairwise`: DreamSim and CLIP diversity, the mean squared distance of two images.
- `recall`: share of the base model's images that the policy still covers.
- `vendi`: effective number of distinct images.
"""
