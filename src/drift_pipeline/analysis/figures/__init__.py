"""The figures.

- `fronts` (figures 4, 9, 10), `bars` (6, 8), `collapse` (2), `grids` (1, 5, 7, 11), `curves`.
- `inputs`: which checkpoints' embeddings and images they show.
- `of_reward`: which of them a reward has.
- `style`, `figure`: how all of them are drawn, and what comes out.
"""
