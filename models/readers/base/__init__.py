"""What readers are made of."""
