"""The paper's three ideas, one file each.

- `selection`: reward-concentrated sampling (section 5.1, appendix E).
- `prompting`: noise-conditioned prompting (section 5.2, appendix F).
- `shaping`: intra-group diversity as an intrinsic reward (section 5.3, appendix C).

DRIFT: "Beyond the Dirac Delta: Mitigating Diversity Collapse in Reinforcement Fine-Tuning for
Versatile Image Generation", arXiv 2601.12401.
"""
