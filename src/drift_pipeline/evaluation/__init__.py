"""The evaluation: images of every kept checkpoint, and what is measured on them.

- `protocol`: which images, so that only comparable runs are compared.
- `generation`: the images themselves, each from its prompt and seed alone.
- `checkpoint_images`: which images a checkpoint has to have, and what they are made of.
- `image_shards`: their files, drawn where they are missing.
- `judges`, `judging`: who judges them, and what the judges say, as tables.
- `judged_tables`: how these tables are kept, each row signed by its judge.
- `checkpoint_features`: the tables of one checkpoint, as tensors.
- `measuring`, `intervals`: every measure of one checkpoint, with its interval.
- `metrics_table`: the measures of a run's checkpoints, with what they depend on.
- `staleness`: what no longer belongs to its checkpoint.
"""
