"""Steps from a candidate to the champion, and the watch over it."""
