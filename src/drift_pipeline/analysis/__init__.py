"""What the measurements say: gains over baselines and Pareto fronts.

- `gains`: diversity gain and reward gain (footnote 2, table 1).
- `pareto`: which checkpoints no other beats in both reward and diversity.
"""
