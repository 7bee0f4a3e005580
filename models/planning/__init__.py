"""What a training run will take, said before it starts."""
