"""The nouns, policies and presets, and how catalogues of them are read. Needs no torch."""
