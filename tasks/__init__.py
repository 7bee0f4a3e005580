"""HOW one step is done: one step a file, a typed function under a Prefect decorator."""
