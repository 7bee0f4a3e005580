"""What a gate is, and what each has to keep."""
