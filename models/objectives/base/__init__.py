"""What an objective is: supervised or self-supervised, and what those share."""
