"""What perturbations are made of."""
