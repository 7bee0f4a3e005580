"""Steps that score posts outside the gateway."""
