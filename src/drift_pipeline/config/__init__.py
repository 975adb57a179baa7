"""What YAML becomes: parameters as typed values, and one line that says what is wrong with them.

- `train`, `method`, `components`, `evaluation`, `analysis`, `bestiary`: the groups of parameters.
- `check`, `presets`: reading all of them, or one preset by its name.
- `mistakes`, `idle`: what is wrong, and what is possible but does nothing.
- `classes`: making what a dotted path names.
- `places`, `prompt_files`: paths, and text files of prompts.
"""
