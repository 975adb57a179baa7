"""Encoders: an encoder takes images and gives a unit vector for each."""
