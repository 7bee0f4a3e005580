"""Steps that bring data in, keep it, and cut what is learned from."""
