"""What a process is to its computer, and to those that compute with it."""
