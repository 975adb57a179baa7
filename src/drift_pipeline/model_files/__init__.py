"""The files of models: which there are, whether they are whole, and what they say."""
