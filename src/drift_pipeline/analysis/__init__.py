"""What the measurements say, in numbers; `figures` and `report` show them.

- `checkpoints`: from measured rows to checkpoints that can be compared.
- `gains`: diversity gain and reward gain (footnote 2, Table 1).
- `comparison`: the gains of a method over its baselines, by measure and seed.
- `table_1`: Table 1.
- `asked`: which checkpoints no longer show what was asked.
- `pareto`: which checkpoints no other beats in both reward and diversity.
- `findings`, `shortfalls`, `left_out`: what did not come out, and what was not compared.
- `marks`, `paths`, `over_seeds`: gains along the way, and what several seeds say together.
- `other_judges`: the same as judges see it that nobody trained on.
- `best`, `free`: what is possible, and what needs no training.
- `columns`: what a checkpoint's values are called.
"""
