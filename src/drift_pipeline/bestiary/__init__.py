"""The bestiary: a miniature world of drawn animals, and the small models trained on it."""
