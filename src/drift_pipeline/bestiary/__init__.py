"""The bestiary: a miniature world of drawn animals, and the small models trained on it.

- `drawing`: the animals, their breeds, poses and backgrounds.
- `training`: the models, and their files in each library's own format.
- `tastes`: the true rewards.
- `install`: putting new models to use.
"""
