"""What users write: reading it, checking it, and saying in one line what is wrong with it."""
