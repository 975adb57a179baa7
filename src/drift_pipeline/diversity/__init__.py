"""Measures of diversity: pure functions on image embeddings (appendix D), or on kinds of images.

- `pairwise`: DreamSim and CLIP diversity, the mean squared distance of two images.
- `recall`: share of the base model's images that the policy still covers.
- `vendi`: effective number of distinct images.
- `entropy`: bits of variety in one attribute of a prompt's images.
- `tilting`: what the best policy has, by the base model's images (Eq. 4).
"""
