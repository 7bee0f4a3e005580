"""What is served: the exported model, its bundle, and scoring with it."""
