"""The models that are live: loaded, swapped, and asked in batches."""
