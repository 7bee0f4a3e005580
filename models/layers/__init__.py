"""Layers: what networks are made of that knows nothing of posts' encoders."""
