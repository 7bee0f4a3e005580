"""Steps from validated data to a trained candidate, and the runs they write to."""
