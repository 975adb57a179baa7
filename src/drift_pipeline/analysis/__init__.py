"""What the measurements say: Table 1, the gains, the figures and the report.

Numbers:

- `measured`: from measured rows to checkpoints that can be compared.
- `gains`: diversity gain and reward gain (footnote 2, table 1).
- `comparison`: the gains of a method over its baselines, by measure and seed.
- `table`: Table 1.
- `pareto`: which checkpoints no other beats in both reward and diversity.
- `findings`: what did not come out.

Texts and figures:

- `sheets`, `printing`: tables as cells, as Markdown and as LaTeX.
- `fronts` (figures 4, 9, 10), `bars` (6, 8), `collapse` (2), `grids` (1, 5, 7, 11), `curves`.
- `shown`: which checkpoints' embeddings and pictures the figures show.
- `report`: one page with all of it.
"""
