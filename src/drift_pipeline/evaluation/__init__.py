"""The evaluation: pictures of every kept checkpoint, and what is measured on them.

- `parameters`: what is generated and measured, typed.
- `protocol`: which pictures, so that only comparable runs are compared.
- `generation`: the pictures themselves, each from its prompt and seed alone.
- `measuring`: every measure of one checkpoint, with intervals.
- `intervals`: the bootstrap over prompts.
"""
